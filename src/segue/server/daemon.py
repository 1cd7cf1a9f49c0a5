"""The running daemon: what is opened in which order, what it does meanwhile, and how it ends."""

import logging
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

import anyio
from anyio.abc import TaskGroup, UNIXSocketStream

from segue.errors import SegueError, StartError
from segue.paths import Paths
from segue.runtime.daemon_record import is_in_place, remove_record, write_record
from segue.server.app import Services
from segue.server.jobs.indexer import keep_indexed
from segue.server.net.listener import Listener, adopt_listener, bind_listener
from segue.server.process.instance_lock import own
from segue.server.process.sd_notify import Notifier
from segue.server.process.signals import Shutdown
from segue.store.store import open_store
from segue.timestamps import Clock, wall_ms

log = logging.getLogger("segue.server")

SELF_CHECK_SECONDS = 5
"""How long a removed socket can go unnoticed."""

DRAIN_SECONDS = 5
"""How long clients have to take their answers once the daemon stops."""

LATE_SECONDS = 3
"""How far into the drain requests are still run; later ones are refused, so that the rest can be answered."""

OWN_LOOK_SECONDS = 0.5
"""How long the daemon's own connection at its start may take to be gone."""

IDLE_LOOKS = 10
"""How often within `idle_exit_minutes` to look whether anything happened."""


async def serve(
    paths: Paths,
    stop: Shutdown,
    *,
    clock: Clock = wall_ms,
    monotonic: Callable[[], float] = time.monotonic,
    on_ready: Callable[[], None] = lambda: None,
    listener: socket.socket | None = None,
    notifier: Notifier | None = None,
) -> None:
    """Serve the database until told to stop; `on_ready` is called once a client would be answered.

    At `listener`, if a service manager opened it at the places' socket; `notifier` is who wants to know how we fare.
    Raises StartError (perhaps in an ExceptionGroup) if it cannot start; then nothing is left behind.
    """
    config = paths.config
    with own(paths):
        async with open_store(
            paths.database, clock=clock, queue_limit=config.limits.queue, durability=config.daemon.durability
        ) as store:
            services = Services(paths, store, stop, clock, monotonic)
            await _recall(services)
            door = bind_listener(paths.socket) if listener is None else adopt_listener(paths.socket, listener)
            daemon = Daemon(paths, services, stop, door, notifier or Notifier())
            try:
                await daemon.run(on_ready)
                if store.failed:
                    text = f"I/O error in COMMIT of {paths.database}; exiting for a restart; check the disk"
                    raise StartError("database", text)
            finally:
                daemon.leave()


async def _recall(services: Services) -> None:
    """Take up what the last life left; the first look at the tables, which may be damaged."""
    try:
        await services.attachments.recover()
        await services.cleanup.load()
    except (SegueError, sqlite3.Error) as error:
        raise StartError("database", str(error)) from None


class Daemon:
    """The door, the clients behind it and the chores, from the first client to the last."""

    def __init__(self, paths: Paths, services: Services, stop: Shutdown, door: Listener, notifier: Notifier) -> None:
        self._paths = paths
        self._services = services
        self._stop = stop
        self._door = door
        self._notifier = notifier

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Let clients in and do the chores until told to stop, then drain."""
        async with anyio.create_task_group() as clients:
            async with anyio.create_task_group() as chores:
                chores.start_soon(self._accept, self._door, clients)
                await self._answer_ourselves()
                self._leave_record()
                on_ready()
                self._notifier.tell("READY=1", f"STATUS=serving {self._paths.database} at {self._door.path}")
                self._start_chores(chores, clients)
                await self._stop.requested.wait()
                self._notifier.tell("STOPPING=1", "STATUS=answering what was received")
                chores.cancel_scope.cancel()
            await self._drain(clients)

    def leave(self) -> None:
        """Remove the socket and the record, if they are still ours."""
        self._door.close()
        remove_record(self._paths.record, self._services.record)

    def _leave_record(self) -> None:
        """Say where we are; without it, on a full disk for instance, clients that know the socket are served."""
        try:
            if not is_in_place(self._paths.record, self._services.record):
                write_record(self._paths.record, self._services.record)
        except StartError as error:
            log.warning("%s", error)

    def _start_chores(self, chores: TaskGroup, clients: TaskGroup) -> None:
        config = self._paths.config
        if config.session.auto_cleanup:
            chores.start_soon(self._services.cleanup.run_on_schedule)
        if config.daemon.idle_exit_minutes:
            chores.start_soon(self._exit_when_idle, config.daemon.idle_exit_minutes * 60)
        chores.start_soon(self._services.cleanup.purge_on_demand)
        chores.start_soon(self._services.traces.wipe_on_demand)
        chores.start_soon(keep_indexed, self._services.store)
        chores.start_soon(self._keep_reachable, chores, clients)
        chores.start_soon(self._watch_file)
        chores.start_soon(self._exit_on_failed_commit)
        chores.start_soon(self._notifier.feed_watchdog, self._services.store)

    async def _accept(self, door: Listener, clients: TaskGroup) -> None:
        await self._services.clients.accept_from(door.listener, clients)

    async def _answer_ourselves(self) -> None:
        """Ask over the socket, as a client would, so that ready means answering; StartError if nothing comes."""
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.settimeout(0)
        try:
            raw.connect(str(self._door.path))
            async with await UNIXSocketStream.from_socket(raw) as stream:
                await stream.send(b'{"jsonrpc":"2.0","method":"daemon.ping","id":0}\n')
                await stream.receive()
                await self._leave(stream)
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            raw.close()
            reason = getattr(error, "strerror", None) or "the connection was closed"
            raise StartError("socket", f"no answer at {self._door.path}: {reason}") from None
        self._services.dispatcher.requests -= 1

    async def _leave(self, stream: UNIXSocketStream) -> None:
        """Wait until the other end is closed as well, or we would be a client too many for a limit of one."""
        await stream.send_eof()
        with anyio.move_on_after(OWN_LOOK_SECONDS), suppress(anyio.EndOfStream):
            while True:
                await stream.receive()

    async def _drain(self, clients: TaskGroup) -> None:
        """Answer what was received, within bounds; whoever does not take the answers is cut off."""
        services = self._services
        self._door.remove()
        if not self._door.borrowed:
            await services.clients.accept_queued(self._door.listener, clients)
        self.leave()
        clients.start_soon(services.attachments.detach_all)
        services.clients.drain()
        clients.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS
        async with anyio.create_task_group() as timers:
            timers.start_soon(self._refuse_late)
            timers.start_soon(self._hurry, clients)
            await services.clients.wait_until_gone()
            timers.cancel_scope.cancel()

    async def _refuse_late(self) -> None:
        await anyio.sleep(LATE_SECONDS)
        self._services.dispatcher.closing = True

    async def _hurry(self, clients: TaskGroup) -> None:
        await self._stop.hurried.wait()
        clients.cancel_scope.cancel()

    async def _exit_when_idle(self, idle_seconds: float) -> None:
        services, dispatcher = self._services, self._services.dispatcher
        while (
            len(services.attachments)
            or services.clients.subscriptions
            or services.busy
            or time.monotonic() - dispatcher.last_used < idle_seconds
        ):
            await anyio.sleep(idle_seconds / IDLE_LOOKS)
        log.info("idle for %g s, leaving", idle_seconds)
        self._stop.requested.set()

    async def _keep_reachable(self, chores: TaskGroup, clients: TaskGroup) -> None:
        """Put back a socket or record that somebody removed; leave if the path leads to another daemon."""
        while True:
            await anyio.sleep(SELF_CHECK_SECONDS)
            if not self._door.is_missing() and not self._door.is_ours():
                log.error("%s is another program's now, leaving", self._door.path)
                self._stop.requested.set()
                return
            try:
                if self._door.is_missing():
                    log.warning("%s was removed, making it again", self._door.path)
                    await self._reopen(chores, clients)
                self._leave_record()
            except StartError as error:
                log.error("cannot make it again: %s", error)

    async def _watch_file(self) -> None:
        """Notice that the database is removed or replaced under us though nobody writes; it is logged then."""
        while self._services.store.check_files() is None:
            await anyio.sleep(SELF_CHECK_SECONDS)

    async def _exit_on_failed_commit(self) -> None:
        """Stop the daemon when the outcome of a COMMIT is unknown, because the store then refuses all writes."""
        await self._services.store.wait_for_failure()
        self._stop.requested.set()

    async def _reopen(self, chores: TaskGroup, clients: TaskGroup) -> None:
        old, self._door = self._door, bind_listener(self._paths.socket)
        chores.start_soon(self._accept, self._door, clients)
        await self._services.clients.accept_queued(old.listener, clients)
        anyio.notify_closing(old.listener)  # or its waiter stays, on a descriptor that the next client is given
        old.listener.close()
