"""One client: its lines are read, run and answered in the order sent.

A client that does not read its answers is not read from: the task waits in `send`, nothing piles up, and no
other client notices. To drain, the kernel is told to receive no more: what has arrived is still read and
answered, then comes the end of the stream, just as if the client had half-closed.

Events of its subscriptions are sent by a task of their own. Whole lines are sent under one lock, so that an
event never stands inside an answer.
"""

import socket
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from segue.config import Limits
from segue.errors import Overloaded, TooLarge
from segue.events import Filter
from segue.jsonrpc.dispatcher import YIELD_EVERY, Dispatcher
from segue.jsonrpc.framing import CROWDED, LineDecoder, Oversize, Room
from segue.results import Subscribed
from segue.server.events.subscriptions import Subscriptions
from segue.server.net.socket_stream import Stream

CHUNK = 65536
"""Bytes read at once, and answers gathered before they are sent."""


class Connection:
    """A client's socket with the state of its stream."""

    def __init__(
        self, raw: socket.socket, dispatcher: Dispatcher, limits: Limits, feed: Subscriptions, room: Room
    ) -> None:
        self._raw = raw
        self._stream = Stream(raw, CHUNK)
        self._dispatcher = dispatcher
        self._limits = limits
        self._lines = LineDecoder(limits.request_bytes, room)
        self._stopped = False
        self._feed = feed
        self._sending = anyio.Lock(fast_acquire=True)
        self._tasks: TaskGroup | None = None
        self._telling = False
        self._deaf = False
        """Whether the client takes no more answers; what it sent before is run all the same."""

    @property
    def subscriptions(self) -> int:
        """How many subscriptions the client has."""
        return len(self._feed)

    def subscribe(self, wanted: Filter, cursor: str | None) -> Subscribed:
        """A subscription whose events follow once this answer is sent."""
        made = self._feed.subscribe(wanted, cursor)
        if self._tasks is not None and not self._telling:
            self._telling = True
            self._tasks.start_soon(self._tell_events)
        return made

    def unsubscribe(self, subscription_id: str) -> bool:
        """Whether there was such a subscription."""
        return self._feed.unsubscribe(subscription_id)

    def stop_receiving(self) -> None:
        """Let what has arrived be answered and then end."""
        self._stopped = True
        try:
            self._raw.shutdown(socket.SHUT_RD)
        except OSError:  # the client is gone already
            return

    async def serve(self, ctx: Any) -> None:
        """Answer until the client is done or gone; the socket is closed in any case."""
        try:
            async with self._stream, anyio.create_task_group() as self._tasks:
                try:
                    await self._answer_all(ctx)
                    self._feed.finish()
                except anyio.BrokenResourceError:
                    # Gone while we read: what came of it is done, nobody is left to tell.
                    self._tasks.cancel_scope.cancel()
        finally:
            self._feed.close()
            self._lines.close()

    async def _answer_all(self, ctx: Any) -> None:
        while data := await self._stream.receive():
            await self._answer(self._lines.feed(data), ctx)
        await self._answer(self._last_line(), ctx)

    def _last_line(self) -> list[bytes | Oversize]:
        """What stands after the last LF; a line that we ourselves cut off is no request."""
        return [] if self._stopped else self._lines.finish()

    async def _answer(self, lines: list[bytes | Oversize], ctx: Any) -> None:
        try:
            await self._answer_each(lines, ctx)
        finally:
            self._lines.settle()

    async def _answer_each(self, lines: list[bytes | Oversize], ctx: Any) -> None:
        answers = bytearray()
        for index, line in enumerate(lines):
            if index % YIELD_EVERY == YIELD_EVERY - 1:
                await checkpoint()
            answer = self._refuse(line) if isinstance(line, Oversize) else await self._dispatcher.answer(line, ctx)
            if answer is not None:
                answers += answer
                answers += b"\n"
            if len(answers) >= CHUNK:
                await self._send(answers)
                answers.clear()
        if answers:
            await self._send(answers)
        self._feed.release()

    async def _send(self, lines: bytes | bytearray) -> None:
        if self._deaf:
            return
        try:
            if not self._telling:  # nobody else sends: spare a plain request the 5 µs of a lock
                await self._stream.send(bytes(lines))
                return
            async with self._sending:
                await self._stream.send(bytes(lines))
        except anyio.BrokenResourceError:
            self._deaf = True
            self.stop_receiving()

    async def _tell_events(self) -> None:
        """Send events as they come, until the feed ends; a client that does not read them stays behind."""
        # If the client is gone, those who answer it will notice too.
        with suppress(anyio.BrokenResourceError):
            while True:
                async with self._sending:
                    # Taken under the lock: after the answer to an unsubscribe nothing may follow.
                    lines, more = self._feed.take(CHUNK)
                    if lines:
                        await self._stream.send(lines)
                if more:
                    await checkpoint()
                elif not await self._feed.wait():
                    return

    def _refuse(self, line: Oversize) -> bytes:
        if line is CROWDED:
            return self._dispatcher.refuse(Overloaded("others hold too many long lines; try again later"))
        limit = self._limits.request_bytes
        return self._dispatcher.refuse(TooLarge(f"a line has more than {limit} bytes", limit=limit))
