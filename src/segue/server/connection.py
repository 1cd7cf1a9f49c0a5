"""One client: its lines are read, run and answered in the order sent.

A client that does not read its answers is not read from: the task waits in `send`, nothing piles up, and no
other client notices. To drain, the kernel is told to receive no more: what has arrived is still read and
answered, then comes the end of the stream, just as if the client had half-closed.
"""

import socket
from typing import Any

import anyio
from anyio.abc import UNIXSocketStream
from anyio.lowlevel import checkpoint

from segue.config import Limits
from segue.errors import TooLarge
from segue.rpc.dispatch import TURN, Dispatcher
from segue.rpc.framing import OVERSIZE, Lines, Oversize

CHUNK = 65536
"""Bytes read at once, and answers gathered before they are sent."""


class Connection:
    """A client's socket with the state of its stream."""

    def __init__(self, raw: socket.socket, stream: UNIXSocketStream, dispatcher: Dispatcher, limits: Limits) -> None:
        self._raw = raw
        self._stream = stream
        self._dispatcher = dispatcher
        self._limits = limits
        self._lines = Lines(limits.request_bytes)
        self._stopped = False

    def stop_receiving(self) -> None:
        """Let what has arrived be answered and then end."""
        self._stopped = True
        try:
            self._raw.shutdown(socket.SHUT_RD)
        except OSError:  # the client is gone already
            return

    async def serve(self, ctx: Any) -> None:
        """Answer until the client is done or gone; the socket is closed in any case."""
        async with self._stream:
            try:
                await self._answer_all(ctx)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # gone while we read or wrote: what it sent is done, nobody is left to tell

    async def _answer_all(self, ctx: Any) -> None:
        while True:
            try:
                data = await self._stream.receive(CHUNK)
            except anyio.EndOfStream:
                await self._answer(self._last_line(), ctx)
                return
            await self._answer(self._lines.feed(data), ctx)

    def _last_line(self) -> list[bytes | Oversize]:
        """What stands after the last LF; a line that we ourselves cut off is no request."""
        return [] if self._stopped else self._lines.finish()

    async def _answer(self, lines: list[bytes | Oversize], ctx: Any) -> None:
        answers = bytearray()
        for index, line in enumerate(lines):
            if index % TURN == TURN - 1:
                await checkpoint()
            answer = self._too_large() if line is OVERSIZE else await self._dispatcher.answer(line, ctx)
            if answer is not None:
                answers += answer
                answers += b"\n"
            if len(answers) >= CHUNK:
                await self._stream.send(bytes(answers))
                answers.clear()
        if answers:
            await self._stream.send(bytes(answers))

    def _too_large(self) -> bytes:
        limit = self._limits.request_bytes
        return self._dispatcher.refuse(TooLarge(f"a line has more than {limit} bytes", limit=limit))
