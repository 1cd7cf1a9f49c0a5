"""Define the client for programs that use asyncio or anyio."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, Self, TypeVar

import anyio

from segue.client.async_connection import AsyncConnection
from segue.client.connect import Target, connection_attempts
from segue.client.errors import ClientError, ConnectionLost, Unreachable
from segue.client.follow import (
    Emit,
    Exchange,
    FollowedMessage,
    MessageFilter,
    NextEvent,
    OnLost,
    Steps,
    follow_events,
    follow_messages,
)
from segue.client.paging import Pager
from segue.client.protocol import Answer, arguments, name_of
from segue.client.retry import FOLLOW_PAUSE, RESTART_SECONDS, RETRY_PAUSE, RETRY_SECONDS, can_repeat, may_pass
from segue.client.sync_client import TIMEOUT
from segue.events import Event
from segue.jsonrpc.method import Method
from segue.paths import PathOptions, Paths, resolve_paths

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient:
    """A client of the daemon, for any number of concurrent tasks, and for several event loops one after the other.

    It reconnects and repeats requests as `Client` does.
    """

    def __init__(
        self,
        connected: socket.socket,
        *,
        target: Target | None = None,
        timeout: float | None = TIMEOUT,
        autostart: bool = True,
    ) -> None:
        self.timeout = timeout
        self.retry_seconds = RETRY_SECONDS
        self._target = target
        self._autostart = autostart
        self._connecting = anyio.Lock(fast_acquire=True)
        self._connection = AsyncConnection(connected, _paths(target))

    @classmethod
    async def open(
        cls,
        target: Target | None = None,
        *,
        timeout: float | None = TIMEOUT,  # noqa: ASYNC109 - it also applies to every later response
        autostart: bool = True,
    ) -> Self:
        """Return a client, with the parameters and errors of `Client.connect`. The caller must call `aclose`."""
        target = resolve_paths(PathOptions()) if target is None else target
        connected = await _connect(target, timeout, autostart=autostart)
        return cls(connected, target=target, timeout=timeout, autostart=autostart)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        target: Target | None = None,
        *,
        timeout: float | None = TIMEOUT,  # noqa: ASYNC109
        autostart: bool = True,
    ) -> AsyncIterator[Self]:
        """Open a client and close it at the end of the block."""
        client = await cls.open(target, timeout=timeout, autostart=autostart)
        try:
            yield client
        finally:
            await client.aclose()

    async def call(self, method: Method[Any, P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method of `segue.api` and return its typed result: `await client.call(bot.get, bot_id="b")`."""
        answer = await self.exchange(name_of(method), arguments(args, kwargs))
        result: R = answer.decode(method.result)
        return result

    async def request(self, name: str, params: Any = None) -> Any:
        """Call a method by name and return its result as JSON values. `params` is an object, an array or None."""
        return (await self.exchange(name, params)).decode(object)

    async def exchange(self, name: str, params: Any = None) -> Answer:
        """Send a request and return its response: a result or an error.

        A caller that is cancelled or times out does not disturb the other callers. Its request may be executed.
        """
        deadline = time.monotonic() + (self.retry_seconds if can_repeat(name, params) else 0)
        while True:
            try:
                answer = await self._exchange_once(name, params)
                if not answer.is_shutting_down or time.monotonic() >= deadline:
                    return answer
            except (ConnectionLost, Unreachable) as fault:
                if self._target is None or not may_pass(fault) or time.monotonic() >= deadline:
                    raise
            await anyio.sleep(RETRY_PAUSE)

    async def pages(self, method: Method[Any, P, R], *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        """Yield all pages of a list method. `limit` is the page size."""
        pager = Pager(name_of(method), arguments(args, kwargs))
        while (params := pager.next_params()) is not None:
            page: R = (await self.exchange(name_of(method), params)).decode(method.result)
            pager.add(page)
            yield page

    async def events(self, subscription_id: str) -> AsyncIterator[Event]:
        """Yield the events of a subscription without end, as `Client.events` does."""
        connection = self._connection
        while True:
            yield await connection.next_event(subscription_id)

    def follow(self, *, on_lost: OnLost | None = None, **filters: Any) -> AsyncIterator[Event]:
        """Yield events without end, also after restarts, as `Client.follow` does."""
        return self._run(follow_events(filters), on_lost)

    def follow_messages(
        self,
        *,
        session_id: str | None = None,
        working_dir: str | None = None,
        bot_id: str | None = None,
        project: str | None = None,
        after_id: int | None = None,
        live: bool = False,
        on_lost: OnLost | None = None,
    ) -> AsyncIterator[FollowedMessage]:
        """Yield each message after `after_id` once and in order, as `Client.follow_messages` does."""
        wanted = MessageFilter(session_id, working_dir, bot_id, project)
        return self._run(follow_messages(wanted, after_id, live=live), on_lost)

    async def aclose(self) -> None:
        """Close the connection for good. Closing it again has no effect."""
        self._target = None
        self._connection.close()

    async def _exchange_once(self, name: str, params: Any) -> Answer:
        connection = await self._ready(autostart=self._autostart)
        answer = await connection.exchange(name, params, self.timeout)
        if answer.is_shutting_down and self._target is not None:
            connection.close(ConnectionLost("the daemon is shutting down"))
        return answer

    async def _ready(self, *, autostart: bool) -> AsyncConnection:
        """Return the connection; open another one if it was lost."""
        async with self._connecting:
            if self._connection.lost is not None:
                if self._target is None:
                    raise type(self._connection.lost)(*self._connection.lost.args)
                connected = await _connect(self._target, self.timeout, autostart=autostart, grace=RESTART_SECONDS)
                self._connection = AsyncConnection(connected, _paths(self._target))
            return self._connection

    async def _run(self, steps: Steps[R], on_lost: OnLost | None) -> AsyncIterator[R]:
        """Execute the steps of a follower. All its events come from the connection on which it subscribed."""
        connection = self._connection
        reply: Any = None
        while True:
            step = steps.throw(reply) if isinstance(reply, ClientError) else steps.send(reply)
            reply = None
            if isinstance(step, Emit):
                yield step.value
                continue
            try:
                if isinstance(step, Exchange):
                    connection = await self._ready(autostart=False)
                    reply = await connection.exchange(step.name, step.params, self.timeout)
                elif isinstance(step, NextEvent):
                    reply = await connection.next_event(step.subscription_id)
                else:
                    connection.close(ConnectionLost("the daemon does not serve"))
                    if on_lost is not None:
                        on_lost(step.fault)
                    await anyio.sleep(FOLLOW_PAUSE)
            except ClientError as fault:
                reply = fault


async def _connect(
    target: Target,
    timeout: float | None,  # noqa: ASYNC109
    *,
    autostart: bool,
    grace: float = 0,
) -> socket.socket:
    for step in connection_attempts(target, timeout, autostart=autostart, grace=grace):
        if isinstance(step, socket.socket):
            return step
        if isinstance(step, Paths):
            from segue.client.autostart.start import (
                start_daemon,  # Loads what starts a process, which is rarely needed.
            )

            return await anyio.to_thread.run_sync(start_daemon, step, timeout)
        await anyio.sleep(step)
    raise AssertionError("unreachable")


def _paths(target: Target | None) -> Paths | None:
    return target if isinstance(target, Paths) else None
