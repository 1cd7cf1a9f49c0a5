"""Share one connection among tasks.

There is no background task. Of the tasks that wait for a response or an event, the one with the read lock reads for
all. The socket belongs to no event loop, so the next loop can use the connection when the first one has ended.
"""

import socket
from typing import Any

import anyio

from segue.client.diagnostics import hang_hint
from segue.client.errors import ClientError, ConnectionLost, TimedOut
from segue.client.protocol import Answer, RequestPipeline
from segue.client.socket_io import CHUNK_BYTES
from segue.events import Event
from segue.paths import Paths


class AsyncConnection:
    """A connection with its pending requests, for any number of tasks."""

    def __init__(self, connected: socket.socket, paths: Paths | None = None) -> None:
        connected.settimeout(0)
        self.lost: ClientError | None = None
        """The reason why the connection cannot be used any more."""
        self._socket = connected
        self._paths = paths
        self._pipeline = RequestPipeline()
        self._sending = anyio.Lock(fast_acquire=True)
        self._reading = anyio.Lock(fast_acquire=True)

    async def exchange(self, name: str, params: Any, seconds: float | None) -> Answer:
        """Send a request and return its response.

        A caller that is cancelled or times out does not disturb the other callers. Its request may be executed.
        """
        id = await self._send(name, params, seconds)
        try:
            with anyio.move_on_after(seconds):
                return await self._wait(id)
        finally:
            self._pipeline.forget(id)
        raise TimedOut(f"no response within {seconds} s{hang_hint(self._paths)}")

    async def next_event(self, subscription_id: str) -> Event:
        """Wait for the next event of a subscription. A task that is cancelled meanwhile loses no event."""
        while True:
            async with self._reading:
                if (event := self._pipeline.pop_event(subscription_id)) is not None:
                    return event
                await self._read()

    def close(self, reason: ClientError | None = None) -> None:
        """Close the connection. Tasks that use it raise `reason`."""
        if self.lost is None:
            self.lost = reason or ConnectionLost("this client is closed")
            anyio.notify_closing(self._socket)
            self._socket.close()

    async def _send(self, name: str, params: Any, seconds: float | None) -> int:
        async with self._sending:
            self._check()
            id, line = self._pipeline.new_request(name, params)
            # A part of a line would spoil the connection, so cancelling the caller does not interrupt the send.
            with anyio.move_on_after(seconds, shield=True):
                await self._send_all(line)
                return id
            fault = TimedOut(f"the daemon did not take the request within {seconds} s{hang_hint(self._paths)}")
            self.close(ConnectionLost("a request was not sent completely"))
            raise fault

    async def _send_all(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                try:
                    left = left[self._socket.send(left) :]
                except BlockingIOError:
                    await anyio.wait_writable(self._socket)
        except (BrokenPipeError, ConnectionResetError):
            return  # The last response of the daemon, such as `overloaded`, may still be readable.
        except (OSError, anyio.ClosedResourceError) as error:
            self._lose(error)

    async def _wait(self, id: int) -> Answer:
        while True:
            async with self._reading:
                if (answer := self._pipeline.pop_response(id)) is not None:
                    return answer
                await self._read()

    async def _read(self) -> None:
        self._check()
        try:
            while True:
                try:
                    data = self._socket.recv(CHUNK_BYTES)
                    break
                except BlockingIOError:
                    await anyio.wait_readable(self._socket)
            self._pipeline.feed(data)
        except ClientError as fault:
            self.close(fault)
            raise
        except (OSError, anyio.ClosedResourceError) as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        """Raise the reason why the socket failed."""
        reason = getattr(error, "strerror", None) or "it is closed"
        self.close(ConnectionLost(f"the connection failed: {reason}"))
        self._check()

    def _check(self) -> None:
        if self.lost is not None:
            raise type(self.lost)(*self.lost.args)
