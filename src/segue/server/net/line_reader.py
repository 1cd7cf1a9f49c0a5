"""Read the messages of one connection, with a bound on the long ones of all connections together.

1. Read a chunk and decode it into lines.
2. When the unfinished line grows over LONG_LINE_BYTES, take one of the slots that all connections share.
3. While no slot is free, read nothing: the kernel then holds back the sender, and no other connection notices.
4. While the slot is held, raise Stalled if no byte arrives for STALLED_SECONDS.
5. Give the slot back when the line was handled or dropped.

A message framed by Content-Length counts as a line. A line of LONG_LINE_BYTES needs no slot, so that short requests
are always read.
"""

import anyio

from segue.jsonrpc.framing import MessageDecoder, Unreadable
from segue.server.net.socket_stream import SocketStream

LONG_LINE_BYTES = 65536
"""Bytes: an unfinished line over this length needs a slot. As large as one read, so that a stream has at most one."""

STALLED_SECONDS = 10.0
"""Seconds: the longest pause within a line that holds a slot. A working client on the same machine never makes one."""


class Stalled(Exception):
    """The sender of a long line paused for too long."""


class LineReader:
    """The lines of one stream."""

    def __init__(self, stream: SocketStream, limit: int, slots: anyio.Semaphore) -> None:
        self._stream = stream
        self._decoder = MessageDecoder(limit)
        self._slots = slots
        self._holds_slot = False

    async def read(self) -> list[bytes | Unreadable] | None:
        """Return the next lines, or None at the end of the stream.

        Raises:
            Stalled: a long line did not grow for STALLED_SECONDS.
            BrokenResourceError: the client is gone.
        """
        while data := await self._receive():
            lines = self._decoder.feed(data)
            if lines:
                return lines
            if self._decoder.buffered_bytes <= LONG_LINE_BYTES:  # A blank line ended, or one is skipped.
                self.release_slot()
        return None

    def is_one_line(self, data: bytes) -> bool:
        """Return True if `data` is one whole line of a client that uses lines, and no line has begun."""
        return not self._holds_slot and self._decoder.is_one_line(data)

    def finish(self) -> list[bytes | Unreadable]:
        """Return the last line, if the stream ended without an LF."""
        return self._decoder.finish()

    def encode(self, lines: bytes) -> bytes:
        """Return lines, each with its LF, in the framing that the client uses."""
        return self._decoder.encode(lines)

    def release_slot(self) -> None:
        """Give the slot back, if one is held."""
        if self._holds_slot:
            self._holds_slot = False
            self._slots.release()

    async def _receive(self) -> bytes:
        if self._decoder.buffered_bytes <= LONG_LINE_BYTES:
            return await self._stream.receive()
        if not self._holds_slot:
            await self._slots.acquire()
            self._holds_slot = True
        with anyio.move_on_after(STALLED_SECONDS):
            return await self._stream.receive()
        raise Stalled
