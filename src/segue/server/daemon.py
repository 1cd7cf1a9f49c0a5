"""The life of the daemon: what it opens in which order, its background tasks, and how it stops."""

import logging
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import anyio
from anyio.abc import TaskGroup, UNIXSocketStream

from segue.config import Limits
from segue.errors import SegueError, StartError, StorageError
from segue.paths import Paths
from segue.runtime.daemon_record import read_record, remove_record, write_record
from segue.runtime.progress import Progress
from segue.server.app import App
from segue.server.net.listener import Listener, adopt_listener, bind_listener
from segue.server.process.instance_lock import hold_locks
from segue.server.process.malloc import trim_periodically
from segue.server.process.sd_notify import Notifier
from segue.server.process.signals import Shutdown
from segue.store.engine.connection import open_writer
from segue.store.store import open_store
from segue.timestamps import Clock, wall_ms

log = logging.getLogger("segue.server")

WATCH_SECONDS = 5
"""Seconds between two looks at the socket and the database files: how long a removed file can stay unnoticed."""

DRAIN_SECONDS = 5
"""Seconds. How long the drain waits for clients to read their responses."""

RUN_SECONDS = 3
"""Seconds into the drain in which requests are still executed. Later ones are refused, so that there is time to answer
all of them."""

SELF_CHECK_SECONDS = 5
"""Seconds. How long the daemon waits for its own first connection to close, which takes a millisecond."""

IDLE_CHECKS = 10
"""Checks for idleness within `idle_exit_minutes`."""


async def serve(
    paths: Paths,
    shutdown: Shutdown,
    *,
    clock: Clock = wall_ms,
    monotonic: Callable[[], float] = time.monotonic,
    on_ready: Callable[[], None] = lambda: None,
    listener: socket.socket | None = None,
    notifier: Notifier | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> None:
    """Serve the database until `shutdown` is requested.

    `on_ready` is called when a client would receive an answer. `listener` is a socket at `paths.socket` that a service
    manager opened. `limits` replaces those of the configuration. `progress` shows the migration of the database.

    Raises:
        StartError: the daemon cannot start, perhaps in an ExceptionGroup; nothing is left behind.
    """
    config = paths.config
    limits = limits or config.limits
    with hold_locks(paths):
        async with open_store(
            paths.database,
            clock=clock,
            queue_limit=limits.queue,
            durability=config.daemon.durability,
            writer_factory=partial(open_writer, progress=progress),
        ) as store:
            app = App(paths, limits, store, shutdown, clock, monotonic)
            await recover_state(app)
            bound = bind_listener(paths.socket) if listener is None else adopt_listener(paths.socket, listener)
            daemon = Daemon(paths, app, shutdown, bound, notifier or Notifier(), monotonic)
            try:
                await daemon.run(on_ready)
                if store.failed:
                    raise StartError("database", "the store failed; exiting for a restart")
            finally:
                daemon.remove_socket_and_record()


async def recover_state(app: App) -> None:
    """Read what the last daemon left in the tables, and end what it left open.

    The sessions that it had attached are crashed, the messages that it streamed are interrupted. On a full disk this is
    left to a background task, and the store holds all other writes until then.

    Raises:
        StartError: the tables cannot be read.
    """
    try:
        await _recover(app)
    except StorageError as error:
        if error.data["reason"] != "full":
            raise StartError("database", str(error)) from None
        log.warning("the disk is full: no writes until it has space")
        app.store.reserve.hold()
    except (SegueError, sqlite3.Error) as error:
        raise StartError("database", str(error)) from None


async def _recover(app: App) -> None:
    await app.sync.load()
    await app.attachments.recover()
    await app.streams.recover()
    await app.cleanup.load()


class Daemon:
    """A running daemon: its listener, the tasks of its clients and its background tasks."""

    def __init__(
        self,
        paths: Paths,
        app: App,
        shutdown: Shutdown,
        listener: Listener,
        notifier: Notifier,
        monotonic: Callable[[], float],
    ) -> None:
        self._paths = paths
        self._app = app
        self._shutdown = shutdown
        self._listener = listener
        self._notifier = notifier
        self._monotonic = monotonic

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until a shutdown is requested, then drain.

        1. Accept connections, and send a request over the socket. From then on the daemon is known to answer.
        2. Write the record, report readiness, and start the background tasks.
        3. When a shutdown is requested, cancel the background tasks and stop accepting.
        4. Drain: answer what was received, within DRAIN_SECONDS. A second signal ends this immediately.
        5. Delete old sessions, if the last daemons had no time for it.
        """
        async with anyio.create_task_group() as clients:
            async with anyio.create_task_group() as background:
                background.start_soon(self._accept, self._listener, clients)
                await self.self_check()
                self._write_record()
                on_ready()
                self._notifier.send("READY=1", f"STATUS=serving {self._paths.database} at {self._listener.path}")
                self.start_background_tasks(background, clients)
                await self._shutdown.requested.wait()
                self._notifier.send("STOPPING=1", "STATUS=answering requests that were received")
                background.cancel_scope.cancel()
            await self._drain(clients)
        if not self._app.store.failed:
            await self._app.cleanup.run_at_exit()

    def remove_socket_and_record(self) -> None:
        """Remove the socket and the record, unless another daemon has replaced them."""
        self._listener.close()
        remove_record(self._paths, self._app.record)

    def _write_record(self) -> None:
        """Write the record unless it is in place; on failure log it, because clients that know the socket need none."""
        try:
            if read_record(self._paths) != self._app.record:
                write_record(self._paths.record, self._app.record)
        except StartError as error:
            log.warning("%s", error)

    def start_background_tasks(self, background: TaskGroup, clients: TaskGroup) -> None:
        """Start the tasks that run until a shutdown is requested."""
        config, app = self._paths.config, self._app
        if config.session.auto_cleanup:
            background.start_soon(app.cleanup.run_on_schedule)
        if config.daemon.idle_exit_minutes:
            background.start_soon(self._exit_when_idle, config.daemon.idle_exit_minutes * 60)
        background.start_soon(app.maintenance.run)
        background.start_soon(app.streams.run)
        background.start_soon(app.sync.run)
        if app.import_process:
            background.start_soon(app.import_process.run)
        background.start_soon(self.watch_socket, background, clients)
        background.start_soon(self._watch_database)
        background.start_soon(self._recover_when_possible)
        background.start_soon(trim_periodically, app.store.free_caches)
        background.start_soon(self._exit_on_failed_commit)
        background.start_soon(self._notifier.feed_watchdog, app.store)

    async def _accept(self, listener: Listener, clients: TaskGroup) -> None:
        await self._app.connections.accept_from(listener.listener, clients)

    async def self_check(self) -> None:
        """Send a ping over the socket, so that the daemon reports readiness only if it answers.

        Raises:
            StartError: no response arrived.
        """
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.settimeout(0)
        try:
            raw.connect(str(self._listener.path))
            async with await UNIXSocketStream.from_socket(raw) as stream:
                await stream.send(b'{"jsonrpc":"2.0","method":"daemon.ping","id":0}\n')
                await stream.receive()
                await self._wait_for_close(stream)
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            raw.close()
            reason = getattr(error, "strerror", None) or "the connection was closed"
            raise StartError("socket", f"no answer at {self._listener.path}: {reason}") from None
        self._app.dispatcher.requests -= 1

    async def _wait_for_close(self, stream: UNIXSocketStream) -> None:
        """Wait until the other end is closed, because it would count towards `limits.clients`."""
        await stream.send_eof()
        with anyio.move_on_after(SELF_CHECK_SECONDS), suppress(anyio.EndOfStream):
            while True:
                await stream.receive()

    async def _drain(self, clients: TaskGroup) -> None:
        """Answer what was received. Connections whose clients do not read are closed after DRAIN_SECONDS."""
        app = self._app
        self._listener.remove()
        if not self._listener.externally_managed:
            app.connections.accept_queued(self._listener.listener, clients)
        self.remove_socket_and_record()
        clients.start_soon(app.attachments.detach_all)
        app.connections.drain()
        clients.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS
        async with anyio.create_task_group() as timers:
            timers.start_soon(self._refuse_late_requests)
            timers.start_soon(self._abort_on_second_signal, clients)
            await app.connections.wait_until_empty()
            timers.cancel_scope.cancel()

    async def _refuse_late_requests(self) -> None:
        await anyio.sleep(RUN_SECONDS)
        self._app.dispatcher.closing = True

    async def _abort_on_second_signal(self, clients: TaskGroup) -> None:
        await self._shutdown.forced.wait()
        clients.cancel_scope.cancel()

    async def _exit_when_idle(self, idle_seconds: float) -> None:
        """Request a shutdown after `idle_seconds` without a request, subscription, job, attached session or stream."""
        app = self._app
        while (
            len(app.attachments)
            or len(app.streams)
            or app.connections.subscriptions
            or app.busy
            or self._monotonic() - app.dispatcher.last_used < idle_seconds
        ):
            await anyio.sleep(idle_seconds / IDLE_CHECKS)
        log.info("idle for %g s, exiting", idle_seconds)
        self._shutdown.requested.set()

    async def watch_socket(self, background: TaskGroup, clients: TaskGroup) -> None:
        """Restore a socket or record that was removed; request a shutdown if another program replaced the socket."""
        while True:
            await anyio.sleep(WATCH_SECONDS)
            if not self._listener.is_missing() and not self._listener.is_in_place():
                log.error("%s was replaced by another program, exiting", self._listener.path)
                self._shutdown.requested.set()
                return
            try:
                if self._listener.is_missing():
                    log.warning("%s was removed, creating it again", self._listener.path)
                    self._reopen(background, clients)
                self._write_record()
            except StartError as error:
                log.error("cannot create the socket again: %s", error)

    async def _watch_database(self) -> None:
        """Detect that the database was removed or replaced, even while no client writes; the store logs it."""
        while self._app.store.check_files() is None:
            await anyio.sleep(WATCH_SECONDS)

    async def _recover_when_possible(self) -> None:
        """Do what `recover_state` could not do on a full disk."""
        while self._app.store.reserve.held:
            await anyio.sleep(WATCH_SECONDS)
            with suppress(StorageError):
                await _recover(self._app)
                self._app.store.reserve.resume()

    async def _exit_on_failed_commit(self) -> None:
        """Request a shutdown when the store has failed, because it then refuses all writes."""
        await self._app.store.wait_for_failure()
        self._shutdown.requested.set()

    def _reopen(self, background: TaskGroup, clients: TaskGroup) -> None:
        old, self._listener = self._listener, bind_listener(self._paths.socket)
        background.start_soon(self._accept, self._listener, clients)
        self._app.connections.accept_queued(old.listener, clients)
        # Otherwise the accept task would wait on a descriptor number that the kernel gives to the next client.
        anyio.notify_closing(old.listener)
        old.listener.close()
