"""All client connections: accepts those of this user up to `limits.clients`, and drains them at the end."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import anyio
from anyio.abc import TaskGroup

from segue.api.request import Context
from segue.config import Limits
from segue.errors import Overloaded
from segue.jsonrpc.dispatcher import Dispatcher, to_error
from segue.runtime.peer_credentials import is_same_user
from segue.server.events.event_log import EventLog
from segue.server.events.subscriptions import Subscriptions
from segue.server.net.connection import CHUNK_BYTES, Connection
from segue.server.net.response_budget import BUDGET_BYTES, ResponseBudget

log = logging.getLogger("segue.server")

ACCEPT_RETRY_SECONDS = 1.0
"""Seconds. Pause after a failed accept, for example because the process has no free descriptor."""

WARNING_SECONDS = 60.0
"""Seconds. Log repeated failures of accept at most this often."""

LONG_LINES_BYTES = 256 * 1024 * 1024
"""Bytes that the long request lines of all clients may occupy together until they are executed."""


class ConnectionManager:
    """The open connections.

    Accepting, in `accept_from`:

    1. Wait until the listener is readable, then accept one connection.
    2. Close it if the peer is another user. Answer `overloaded` and close it if `limits.clients` are connected.
    3. Otherwise serve it in a task of its own. An exception there ends this connection only.
    4. If accept fails, pause for ACCEPT_RETRY_SECONDS. The kernel keeps the clients in its queue meanwhile.

    Draining, in the order of the daemon's calls:

    1. `accept_queued` accepts the clients in the queue, because their requests may have arrived already.
    2. `drain` shuts down the receiving side of every connection. Each connection answers what has arrived, then ends.
    3. `wait_until_empty` returns when the last connection is closed. The daemon limits the time that this takes.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        limits: Limits,
        context_for: Callable[[Connection], Context],
        event_log: EventLog,
        monotonic: Callable[[], float],
    ) -> None:
        self._dispatcher = dispatcher
        self._limits = limits
        self._context_for = context_for
        self._event_log = event_log
        self._monotonic = monotonic
        self._slots = anyio.Semaphore(max(2, LONG_LINES_BYTES // limits.request_bytes))
        self._budget = ResponseBudget(max(BUDGET_BYTES, 2 * limits.answer_bytes), monotonic)
        self._connections: set[Connection] = set()
        self._draining = False
        self._closed = anyio.Event()
        """Set when a connection closes, and replaced."""
        self._warned_at: float | None = None
        self.refused_peers = 0
        self.refused_clients = 0

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def subscriptions(self) -> int:
        """Return the number of subscriptions of all connections."""
        return sum(connection.subscriptions for connection in self._connections)

    async def accept_from(self, listener: socket.socket, tasks: TaskGroup) -> None:
        """Accept connections until the listener is closed, and serve each in a task of `tasks`."""
        while listener.fileno() >= 0:
            try:
                await anyio.wait_readable(listener)
                self._accept_one(listener, tasks)
            except BlockingIOError:
                continue
            except anyio.ClosedResourceError:
                return
            except OSError as error:
                if listener.fileno() < 0:
                    return
                self._warn(f"cannot accept a connection: {error.strerror}; clients wait in the queue")
                await anyio.sleep(ACCEPT_RETRY_SECONDS)

    def accept_queued(self, listener: socket.socket, tasks: TaskGroup) -> None:
        """Accept the connections that the kernel has queued, until accept fails."""
        with suppress(OSError):
            while True:
                self._accept_one(listener, tasks)

    def drain(self) -> None:
        """Stop receiving on every connection; requests that have arrived are answered."""
        self._draining = True
        for connection in self._connections:
            connection.stop_receiving()

    async def wait_until_empty(self) -> None:
        """Return when no connection is open."""
        while self._connections:
            await self._closed.wait()

    def _warn(self, text: str) -> None:
        if self._warned_at is None or self._monotonic() - self._warned_at >= WARNING_SECONDS:
            self._warned_at = self._monotonic()
            log.warning("%s (%d connected)", text, len(self))

    def _accept_one(self, listener: socket.socket, tasks: TaskGroup) -> None:
        raw, _ = listener.accept()
        if not is_same_user(raw):
            raw.close()
            self.refused_peers += 1
            log.warning("rejected connection: uid mismatch (%d so far)", self.refused_peers)
        elif len(self._connections) >= self._limits.clients:
            self._reject_over_limit(raw)
        else:
            subscriptions = Subscriptions(self._event_log)
            connection = Connection(
                raw, self._dispatcher, self._limits, subscriptions, self._slots, self._budget, self._monotonic
            )
            self._connections.add(connection)
            if self._draining:
                connection.stop_receiving()
            tasks.start_soon(self._serve, connection)

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.serve(self._context_for(connection))
        except Exception as error:  # noqa: BLE001 - A failure must end this connection only.
            to_error(error, "a connection")
        finally:
            self._connections.discard(connection)
            self._closed.set()
            self._closed = anyio.Event()

    def _reject_over_limit(self, raw: socket.socket) -> None:
        self.refused_clients += 1
        error = Overloaded(f"{self._limits.clients} clients are connected already; try again later")
        with raw:
            raw.settimeout(0)
            with suppress(OSError):
                raw.send(self._dispatcher.error_response(error) + b"\n")
                raw.recv(CHUNK_BYTES)  # Because the client would see a reset if its request stayed unread.
