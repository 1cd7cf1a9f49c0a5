"""The messages that are being streamed: who owns them, and their text that is not stored yet.

1. `delta` only adds text to the memory and sends an event, so that a client may send hundreds a second.
2. `run` stores the new text of all streams in one transaction, `FLUSH_SECONDS` after the first of it arrived. A reader
   of such a message stores its text first.
3. With `privacy.redact`, text is redacted before it is stored and sent. What may be the beginning of a secret is held
   back.
4. A stream ends with `finish`, when its connection closes, or when another client replaces or deletes its message.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio

from segue.api.request import ClientConnection, Opening
from segue.errors import Conflict, NotFound, Overloaded, SegueError, TooLarge
from segue.events import Emitted, MessageDelta, MessagesDeleted
from segue.models import Message
from segue.redaction.streaming import StreamRedactor
from segue.results import Appended
from segue.server.events.event_log import EventLog
from segue.server.jobs.redactor import INLINE_BYTES, Redactor
from segue.server.jobs.stream import Stream
from segue.store.records import messages
from segue.store.records.message import stream as message_stream
from segue.store.records.message.stream import Begun, Piece
from segue.store.store import Store
from segue.timestamps import Clock, timestamp

log = logging.getLogger("segue.server")

FLUSH_SECONDS = 0.5
"""Seconds: how long new text is in memory only. It is durable after a second at most."""

FLUSH_BYTES = 256 * 1024
"""Bytes: more text of one message is stored before the next text is taken."""

MAX_STREAMS = 256
"""Messages that one connection may stream at a time."""


class Streams:
    """All streams, by the id of their message."""

    def __init__(self, store: Store, event_log: EventLog, redactor: Redactor, clock: Clock, content_bytes: int) -> None:
        self._store = store
        self._event_log = event_log
        self._redactor = redactor
        self._clock = clock
        self._content_bytes = content_bytes
        self._streams: dict[int, Stream] = {}
        self._lock = anyio.Lock()
        """Held while text is taken out of the memory until it is stored."""
        self._failing = False
        self._wake = anyio.Event()
        store.on_commit(self._note_changes)

    def __len__(self) -> int:
        return len(self._streams)

    async def recover(self) -> None:
        """Mark the messages that a killed daemon left as interrupted."""
        await self._store.write_deletion(message_stream.interrupt_all)

    async def open(self, content: str) -> Opening:
        """Return the part of the content to begin the message with, and the redactor that holds the rest back."""
        if not self._redactor.enabled:
            return Opening(content, None)
        redactor = StreamRedactor()
        return Opening(await self._redactor.feed(redactor, content), redactor)

    async def begin(
        self, client: ClientConnection, opening: Opening, write: Callable[[], Awaitable[Begun]], *, keyed: bool
    ) -> Appended:
        """Store the message with `write`, and make the connection its owner.

        Raises:
            Overloaded: the connection streams too many messages.
        """
        if sum(stream.client is client for stream in self._streams.values()) >= MAX_STREAMS:
            raise Overloaded(f"this connection streams {MAX_STREAMS} messages already")
        if not keyed:
            return self._add(client, opening, await write())
        # The key may be that of a stream: its text is compared, and must not be stored after it is replaced.
        await self.flush()
        async with self._lock:
            return self._add(client, opening, await write())

    def _add(self, client: ClientConnection, opening: Opening, begun: Begun) -> Appended:
        appended = begun.appended
        if begun.state == "streaming":
            held = opening.redactor
            if held is not None and begun.chars != len(opening.content):
                held = StreamRedactor()  # The key belongs to a message with another content.
            self._streams[appended.message_id] = Stream(
                appended.message_id,
                appended.session_id,
                begun.working_dir,
                begun.bot_id,
                client,
                begun.chars,
                begun.size,
                held,
            )
            client.own("streams", partial(self._abandon, client))
        return appended

    async def delta(self, client: ClientConnection, message_id: int, text: str) -> None:
        """Add text to a message of the connection.

        Raises:
            NotFound: there is no such message.
            Conflict: the message is not being streamed (`state`), or by another connection (`owner`).
            TooLarge: the content would be larger than `limits.content_bytes`.
            StorageError: the text before cannot be stored, so this text is not taken.
        """
        stream = await self._owned(client, message_id)
        if self._failing or stream.unstored_bytes > FLUSH_BYTES:
            await self._flush()
            stream = await self._owned(client, message_id)
        size = len(text.encode())
        if stream.full or stream.size + size > self._content_bytes:
            stream.full = True
            raise TooLarge(f"content, parts and metadata have {stream.size + size} bytes", limit=self._content_bytes)
        stream.size += size
        stream.unstored_bytes += size
        if stream.redactor is None:
            self._release(stream, text)
        else:
            stream.received.append(text)
        self._wake.set()

    async def finish(self, client: ClientConnection, message_id: int, changes: dict[str, Any]) -> Message:
        """End a message of the connection and return it. A content in `changes` replaces what was streamed.

        Raises:
            NotFound: there is no such message.
            Conflict: the message is not being streamed (`state`), or by another connection (`owner`).
            TooLarge: content, parts and metadata together are larger than `limits.content_bytes`.
        """
        async with self._lock:
            stream = await self._owned(client, message_id)
            await self._redact(stream, ends=True)
            rest = stream.take()
            del self._streams[message_id]
        try:
            if stream.redactor is not None and "content" not in changes:
                stored = await self._store.read(messages.get, message_id)
                changes = {**changes, "content": await self._redactor.redact(stored.content + rest)}
            return await self._store.write(message_stream.finish, message_id, rest, changes, self._content_bytes)
        except (NotFound, Conflict):
            raise
        except SegueError:
            stream.put_back(rest)
            self._streams.setdefault(message_id, stream)
            raise

    async def flush(self, *, session_id: str | None = None, message_id: int | None = None) -> None:
        """Store the new text before a read, of one message or one session if that is given.

        A reader does not get an error for text that cannot be stored; the client that sends the text does.
        """
        with suppress(SegueError):
            await self._flush(session_id, message_id)

    async def _flush(self, session_id: str | None = None, message_id: int | None = None) -> None:
        if not any(stream.has_text(session_id, message_id) for stream in self._streams.values()):
            return
        async with self._taken(lambda stream: stream.has_text(session_id, message_id)) as pieces:
            size = sum(len(piece.text) for piece in pieces)
            write = self._store.write_inline if size <= INLINE_BYTES else self._store.write
            if size:
                await write(message_stream.add_pieces, pieces)

    async def run(self) -> None:
        """Store new text in the background until cancelled."""
        while True:
            await self._wake.wait()
            await anyio.sleep(FLUSH_SECONDS)
            self._wake = anyio.Event()
            was_failing = self._failing
            try:
                await self._flush()
                await self._interrupt_abandoned()
            except SegueError as error:
                self._wake.set()
                if not was_failing:
                    log.warning("cannot store streamed text: %s; trying again", error)

    async def _owned(self, client: ClientConnection, message_id: int) -> Stream:
        """Return the stream, if the connection owns it; see `delta` for the errors."""
        stream = self._streams.get(message_id)
        if stream is not None and stream.client is client:
            return stream
        await self._store.read(message_stream.require_streaming, message_id)
        raise Conflict(f"another connection streams message {message_id}", reason="owner")

    def _release(self, stream: Stream, text: str) -> None:
        """Send the event of a text, and keep the text until it is stored."""
        if not text:
            return
        data = MessageDelta(message_id=stream.message_id, offset=stream.chars, text=text)
        at = timestamp(self._clock())
        place = stream.session_id, stream.working_dir, stream.bot_id
        self._event_log.pass_on(Emitted("message.delta", *place, at, data))
        stream.unstored.append(text)
        stream.chars += len(text)

    async def _redact(self, stream: Stream, *, ends: bool = False) -> None:
        """Release the received text without secrets, as far as it is certain or if the message ends."""
        if stream.redactor is None:
            return
        received, stream.received = "".join(stream.received), []
        self._release(stream, await self._redactor.feed(stream.redactor, received, ends=ends))

    @asynccontextmanager
    async def _taken(self, is_wanted: Callable[[Stream], bool], *, ends: bool = False) -> AsyncIterator[list[Piece]]:
        """Take the text of streams, for the body to store it; put it back if that fails."""
        async with self._lock:
            streams = [stream for stream in self._streams.values() if is_wanted(stream)]
            for stream in streams:
                await self._redact(stream, ends=ends)
            taken = [(stream, stream.take()) for stream in streams]
            try:
                with anyio.CancelScope(shield=True):  # Or else it would be unknown whether the text is stored.
                    yield [Piece(stream.message_id, text) for stream, text in taken if text or ends]
            except SegueError:
                self._failing = True
                for stream, text in taken:
                    stream.put_back(text)
                raise
            self._failing = False

    async def _abandon(self, client: ClientConnection) -> None:
        """Mark the messages of a closed connection as interrupted."""
        for stream in self._streams.values():
            if stream.client is client:
                stream.client = None
        try:
            await self._interrupt_abandoned()
        except SegueError:
            self._wake.set()  # `run` tries it again, or else the next daemon does it.
            raise

    async def _interrupt_abandoned(self) -> None:
        if any(stream.client is None for stream in self._streams.values()):
            async with self._taken(lambda stream: stream.client is None, ends=True) as rests:
                await self._store.write(message_stream.interrupt, rests)

    def _note_changes(self, emitted: list[Emitted]) -> None:
        """Forget the streams that another client ended, and follow their sessions to other directories."""
        if not self._streams:
            return
        for kind, session_id, working_dir, bot_id, _, data in emitted:
            if isinstance(data, Message):
                if kind == "message.updated" and data.state != "streaming":
                    self._streams.pop(data.id, None)
                continue
            for stream in [each for each in self._streams.values() if each.session_id == session_id]:
                if kind == "session.deleted" or (isinstance(data, MessagesDeleted) and stream.is_deleted_by(data)):
                    del self._streams[stream.message_id]
                elif kind == "session.updated":
                    stream.working_dir, stream.bot_id = working_dir, bot_id
