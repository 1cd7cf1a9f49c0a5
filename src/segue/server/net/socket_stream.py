"""A client's socket as a stream of bytes: one read and one write a request where nothing holds them up.

anyio's own stream registers with the poller anew for each wait, and takes a turn of the loop before each write and
another after each wait. Here the socket stays registered from wait to wait, what arrives is read in the poller's own
call, and a write that the kernel takes whole takes no turn.
"""

import asyncio
import socket
from typing import Self

import anyio


class Stream:
    """One connected socket; one task reads and one writes at a time. Leaving its context closes it."""

    def __init__(self, raw: socket.socket, limit: int) -> None:
        raw.settimeout(0)
        self._raw = raw
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._reader: asyncio.Future[bytes] | None = None
        self._registered = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._unregister()
        self._raw.close()

    async def receive(self) -> bytes:
        """What has arrived, at most `limit` bytes; none at the end. BrokenResourceError if the client is gone.

        Always takes a turn of the loop: a client that never stops sending does not keep the others waiting, and
        the next line of one that asks one thing after another is often there by then, which spares us falling
        asleep and being woken (30 µs).
        """
        await asyncio.sleep(0)
        try:
            return self._raw.recv(self._limit)
        except BlockingIOError:
            return await self._arrival()
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def send(self, data: bytes) -> None:
        """Return when the kernel has taken all of it; BrokenResourceError if the client is gone."""
        try:
            sent = self._send(data)
            if sent < len(data):
                await self._send_rest(memoryview(data)[sent:])
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def _arrival(self) -> bytes:
        # Only ever waited for after a read in vain: uvloop stays silent on a socket that has failed once.
        if not self._registered:
            self._loop.add_reader(self._raw, self._take)
            self._registered = True
        self._reader = self._loop.create_future()
        try:
            return await self._reader
        except OSError as error:
            raise anyio.BrokenResourceError from error
        finally:
            self._reader = None

    def _take(self) -> None:
        """Something arrived, or the end did."""
        if self._reader is None or self._reader.done():
            self._unregister()  # it waits in the kernel until it is asked for, and so holds up who sent it
            return
        try:
            self._reader.set_result(self._raw.recv(self._limit))
        except BlockingIOError:
            return
        except OSError as error:
            self._reader.set_exception(error)

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._raw.send(data)
        except BlockingIOError:
            return 0

    async def _send_rest(self, rest: memoryview) -> None:
        while rest:
            room = self._loop.create_future()
            self._loop.add_writer(self._raw, _wake, room)
            try:
                await room
            finally:
                self._loop.remove_writer(self._raw)
            rest = rest[self._send(rest) :]

    def _unregister(self) -> None:
        if self._registered:
            self._loop.remove_reader(self._raw)
            self._registered = False


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
