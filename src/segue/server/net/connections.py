"""Letting clients in: ours only, not too many, and never so many that the store lacks descriptors."""

import errno
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress

import anyio
from anyio.abc import TaskGroup

from segue.api.request import Context
from segue.config import Limits
from segue.errors import Overloaded
from segue.jsonrpc.dispatcher import Dispatcher, to_error
from segue.jsonrpc.framing import Room
from segue.runtime.peer_credentials import is_ours
from segue.server.events.event_log import EventLog
from segue.server.events.subscriptions import Subscriptions
from segue.server.net.connection import CHUNK, Connection
from segue.server.net.fd_reserve import reserve_is_left

log = logging.getLogger("segue.server")

SHORTAGE_SECONDS = 1.0
"""How long to wait when descriptors are short (tmux waits as long) and no client leaves; who connects is queued."""

SHORTAGE_WARNING_SECONDS = 60.0
"""How often a shortage is told while it lasts."""

ROOM_BYTES = 256 * 1024 * 1024
"""What the long lines of all clients may take together, until they are run."""


class ConnectionManager:
    """Everyone who is connected."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        limits: Limits,
        context_for: Callable[[Connection], Context],
        on_gone: Callable[[Hashable], Awaitable[None]],
        backlog: EventLog,
    ) -> None:
        self._dispatcher = dispatcher
        self._limits = limits
        self._context_for = context_for
        self._on_gone = on_gone
        self._backlog = backlog
        self._room = Room(max(ROOM_BYTES, 2 * limits.request_bytes))
        self._connections: set[Connection] = set()
        self._draining = False
        self._gone = anyio.Event()
        """Set when a client leaves, and replaced."""
        self._warned_at = -SHORTAGE_WARNING_SECONDS
        self.refused_peers = 0
        self.refused_clients = 0

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def subscriptions(self) -> int:
        """How many subscriptions they have together."""
        return sum(connection.subscriptions for connection in self._connections)

    async def accept_from(self, listener: socket.socket, tasks: TaskGroup) -> None:
        """Serve everyone who connects, each in a task of `tasks`, until the listener is closed."""
        while listener.fileno() >= 0:
            try:
                await anyio.wait_readable(listener)
                if self._may_accept(listener):
                    await self._accept_one(listener, tasks)
                else:
                    await self._wait_in_shortage(os.strerror(errno.EMFILE))
            except BlockingIOError:
                continue
            except anyio.ClosedResourceError:
                return
            except OSError as error:
                if listener.fileno() < 0:
                    return
                await self._wait_in_shortage(str(error.strerror))

    async def accept_queued(self, listener: socket.socket, tasks: TaskGroup) -> None:
        """Serve those who connected before the listener closes: what they sent already is answered."""
        while self._may_accept(listener):
            try:
                await self._accept_one(listener, tasks)
            except OSError:  # nobody is queued any more, or no descriptor is left for them
                return

    def drain(self) -> None:
        """Receive no more from anyone; what has arrived is answered."""
        self._draining = True
        for connection in self._connections:
            connection.stop_receiving()

    async def wait_until_gone(self) -> None:
        """Return when nobody is connected any more."""
        while self._connections:
            await self._gone.wait()

    def _may_accept(self, listener: socket.socket) -> bool:
        """Whether descriptors are left for a client; the first is let in always, for the daemon to be of any use."""
        return not self._connections or reserve_is_left(listener)

    async def _wait_in_shortage(self, reason: str) -> None:
        """Wait for a client to leave; another descriptor may become free as well, so not for ever."""
        if time.monotonic() - self._warned_at >= SHORTAGE_WARNING_SECONDS:
            self._warned_at = time.monotonic()
            log.warning("cannot accept a client: %s; it waits until one of the %d leaves", reason, len(self))
        with anyio.move_on_after(SHORTAGE_SECONDS):
            await self._gone.wait()

    async def _accept_one(self, listener: socket.socket, tasks: TaskGroup) -> None:
        raw, _ = listener.accept()
        if not is_ours(raw):
            raw.close()
            self.refused_peers += 1
            log.warning("refused a client of another user (%d so far)", self.refused_peers)
        elif len(self._connections) >= self._limits.clients:
            self._turn_away(raw)
        else:
            connection = Connection(raw, self._dispatcher, self._limits, Subscriptions(self._backlog), self._room)
            self._connections.add(connection)
            if self._draining:
                connection.stop_receiving()
            tasks.start_soon(self._serve, connection)

    async def _serve(self, connection: Connection) -> None:
        try:
            try:
                await connection.serve(self._context_for(connection))
            finally:
                await self._on_gone(connection)
        except Exception as fault:  # noqa: BLE001 - one client's connection must not end the others'
            to_error(fault, "a connection")
        finally:
            self._connections.discard(connection)
            self._gone.set()
            self._gone = anyio.Event()

    def _turn_away(self, raw: socket.socket) -> None:
        self.refused_clients += 1
        error = Overloaded(f"there are {self._limits.clients} clients already; try again later")
        with raw:
            raw.settimeout(0)
            with suppress(OSError):
                raw.send(self._dispatcher.refuse(error) + b"\n")
                raw.recv(CHUNK)  # what it asked already: left unread, it would see a reset instead of the end
