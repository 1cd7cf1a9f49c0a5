"""The client for programs under anyio: any number of tasks share one connection."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, ParamSpec, Self, TypeVar

import anyio
from anyio.abc import SocketAttribute, UNIXSocketStream

from segue.client.connect import Target, backoff_delays, can_autostart, try_connect
from segue.client.diagnostics import advice_on_peer
from segue.client.errors import ClientError, ConnectionLost, TimedOut, Unreachable
from segue.client.protocol import Answer, RequestPipeline, arguments
from segue.client.socket_io import CHUNK
from segue.client.sync_client import TIMEOUT
from segue.events import Event
from segue.jsonrpc.method import Method
from segue.paths import PathOptions, Paths, resolve_paths

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient:
    """One connection to the daemon, for any number of tasks at once; answers come in the order of the requests.

    There is no task in the background: of those who wait for an answer, one at a time reads for all.
    """

    def __init__(self, stream: UNIXSocketStream, *, timeout: float | None = TIMEOUT) -> None:
        self.timeout = timeout
        self._stream = stream
        self._pipeline = RequestPipeline()
        self._sending = anyio.Lock(fast_acquire=True)
        self._reading = anyio.Lock(fast_acquire=True)
        self._broken: ClientError | None = None
        self._paths: Paths | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        where: Target | None = None,
        *,
        timeout: float | None = TIMEOUT,  # noqa: ASYNC109 - one for every later answer, not for this call
        autostart: bool = True,
    ) -> AsyncIterator[Self]:
        """A client of the daemon that serves `where`, closed at the end of the block; all as `Client.connect`."""
        # Not anyio.connect_unix: it spins at full speed while the daemon's backlog is full.
        where = resolve_paths(PathOptions()) if where is None else where
        waits = backoff_delays(where, timeout)
        try:
            while (connected := try_connect(where)) is None:
                await anyio.sleep(next(waits))
        except Unreachable as fault:
            if not (autostart and can_autostart(where, fault)):
                raise
            connected = await _start(where, timeout)
        async with await _adopt(connected) as stream:
            client = cls(stream, timeout=timeout)
            client._paths = where if isinstance(where, Paths) else None
            yield client

    async def call(self, method: Method[Any, P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The typed result of a method of `segue.api`: `await client.call(session.get, session_id="…")`."""
        answer = await self.exchange(method.name, arguments(args, kwargs))
        result: R = answer.decode(method.result)
        return result

    async def request(self, name: str, params: Any = None) -> Any:
        """The result of the method of that name as plain JSON values; `params` is an object, an array or None."""
        return (await self.exchange(name, params)).decode(object)

    async def exchange(self, name: str, params: Any = None) -> Answer:
        """The answer as it came, be it a result or an error.

        A caller that is cancelled or times out leaves the others in order, but what it asked for may be done.
        """
        id = await self._send(name, params)
        try:
            with anyio.move_on_after(self.timeout):
                return await self._await_answer(id)
        finally:
            self._pipeline.abandon(id)
        raise TimedOut(f"no answer within {self.timeout} s{self._advice()}")

    async def events(self, subscription_id: str) -> AsyncIterator[Event]:
        """The events of a subscription as they come, without end; other tasks may go on asking.

        A task that is cancelled while it waits loses none. Raises ConnectionLost when the daemon leaves.
        """
        while True:
            async with self._reading:
                if (event := self._pipeline.take_event(subscription_id)) is None:
                    self._check()
                    await self._read()
                    continue
            yield event

    async def _send(self, name: str, params: Any) -> int:
        async with self._sending:
            self._check()
            id, line = self._pipeline.ask(name, params)
            # Half a line would spoil the connection for all, so a request that was begun is sent to its end.
            with anyio.move_on_after(self.timeout, shield=True):
                # If the daemon closed, its last words, such as `overloaded`, may still be there to be read.
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await self._stream.send(line)
                return id
            self._broken = TimedOut(f"the daemon did not take a request in time{self._advice()}")
            raise self._broken

    async def _await_answer(self, id: int) -> Answer:
        while True:
            async with self._reading:
                if (answer := self._pipeline.take(id)) is not None:
                    return answer
                self._check()
                await self._read()

    async def _read(self) -> None:
        try:
            self._pipeline.feed(await self._receive())
        except ClientError as fault:
            self._broken = fault
            raise

    async def _receive(self) -> bytes:
        try:
            return await self._stream.receive(CHUNK)
        except anyio.EndOfStream:
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise ConnectionLost("the connection is gone") from None

    def _advice(self) -> str:
        connected = self._stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - nothing of Django
        return advice_on_peer(connected, self._paths)

    def _check(self) -> None:
        if self._broken is not None:
            raise type(self._broken)(*self._broken.args)


async def _start(paths: Paths, seconds: float | None) -> socket.socket:
    from segue.client.autostart import start_daemon  # with what starts a process, which is not needed often

    return await anyio.to_thread.run_sync(start_daemon, paths, seconds)


async def _adopt(connected: socket.socket) -> UNIXSocketStream:
    try:
        return await UNIXSocketStream.from_socket(connected)
    except ValueError:
        connected.close()
        raise ConnectionLost("the daemon closed the connection at once") from None
