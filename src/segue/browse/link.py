"""The connections of the browser to the daemon: one for reads and changes, one for searches, one for events."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from segue.client import AsyncClient, ClientError, ConnectionLost
from segue.client.connect import Target
from segue.errors import SegueError
from segue.events import Event
from segue.workflows.changes import Change

R = TypeVar("R")

PAUSES = (0.1, 0.2, 0.5, 1.0)
"""Seconds: the pauses between two attempts while no daemon serves; the last one repeats."""


class Link:
    """Three connections. A search that takes long, or many events, delays no other request."""

    def __init__(self, target: Target, on_state: Callable[[str], None]) -> None:
        self._target = target
        self._on_state = on_state
        self._waiting: list[asyncio.Task[None]] = []
        self._clients: list[AsyncClient] = []
        self.away = ""
        """The reason why no daemon serves; empty while one does."""
        self._away_at = 0.0
        self._back = asyncio.Event()
        self._back.set()

    async def open(self) -> None:
        """Connect. A daemon that is stopped later is waited for and not started again."""
        for _ in range(3):
            self._clients.append(await AsyncClient.open(self._target, autostart=False))

    async def call(self, name: str, kind: type[R], /, **params: Any) -> R:
        """Call a method; parameters that are None are left out.

        Raises:
            SegueError: The daemon returned an error.
            ClientError: No daemon answers.
        """
        given = {key: value for key, value in params.items() if value is not None}
        return await self._exchange(self._reads, name, kind, given)

    async def call_raw(self, name: str, kind: type[R], params: dict[str, Any]) -> R:
        """Call a method with its parameters as they are, null included."""
        return await self._exchange(self._reads, name, kind, params)

    async def search(self, kind: type[R], params: dict[str, Any]) -> R:
        """Call `message.search` on its own connection."""
        return await self._exchange(self._clients[1], "message.search", kind, params)

    async def send(self, change: Change, kind: type[R]) -> R:
        """Send a change, once."""
        return await self._exchange(self._reads, change.method, kind, change.params)

    async def events(self) -> AsyncIterator[Event]:
        """Yield the events of all sessions without end. `reset` says that some are missing."""
        async for event in self._clients[2].follow(on_lost=self._lost):
            yield event

    async def repeat_until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work, again from its beginning if the daemon was away meanwhile."""
        while True:
            await self._back.wait()
            try:
                return await work()
            except ClientError:
                if not self.away:
                    raise

    async def close(self) -> None:
        """Close the connections."""
        for task in self._waiting:
            task.cancel()
        for client in self._clients:
            await client.aclose()

    @property
    def away_seconds(self) -> int:
        """Return for how long no daemon has served."""
        return int(time.monotonic() - self._away_at)

    @property
    def _reads(self) -> AsyncClient:
        return self._clients[0]

    async def _exchange(self, client: AsyncClient, name: str, kind: type[R], params: dict[str, Any]) -> R:
        if self.away:
            raise ConnectionLost("segued does not respond; nothing was sent")
        try:
            return (await client.exchange(name, params)).decode(kind)
        except ClientError as fault:
            self._lost(fault)
            raise

    def _lost(self, fault: Exception) -> None:
        """Report that no daemon serves, and wait until one does."""
        if self.away:
            return
        self.away, self._away_at = str(fault), time.monotonic()
        self._back.clear()
        self._on_state(self.away)
        loop = asyncio.get_running_loop()
        self._waiting = [loop.create_task(self._wait()), loop.create_task(self._report())]

    async def _report(self) -> None:
        """Report each second for how long no daemon has served."""
        while self.away:
            await asyncio.sleep(1)
            self._on_state(self.away)

    async def _wait(self) -> None:
        attempt = 0
        while True:
            try:
                (await self._reads.exchange("daemon.ping")).decode(str)
                break
            except (ClientError, SegueError):
                await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
                attempt += 1
        self.away = ""
        self._back.set()
        self._on_state("")
