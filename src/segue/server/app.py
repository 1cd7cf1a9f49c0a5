"""What the methods find behind their context: the daemon's parts and its word on how they fare."""

import asyncio
import os
import resource
import secrets
import sys
import threading
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar

import anyio
import msgspec

from segue import PROTOCOL, __version__
from segue import store as store_surface
from segue.api import METHODS
from segue.api.request import Context
from segue.jsonrpc.dispatcher import Dispatcher
from segue.jsonrpc.openrpc import document
from segue.models import EndStatus, Session
from segue.paths import Paths
from segue.results import BackupResult, CleanupResult, DaemonStatus, DatabaseStatus, ProcessStatus, ScrubResult
from segue.runtime.daemon_record import Record
from segue.server.events.event_log import EventLog
from segue.server.jobs.attachments import Attachments
from segue.server.jobs.backups import Backups
from segue.server.jobs.redactor import Redactor
from segue.server.jobs.retention import Cleanup
from segue.server.jobs.scrubber import Scrubbing
from segue.server.jobs.wal_cleaner import WalCleaner
from segue.server.net.connection import Connection
from segue.server.net.connections import ConnectionManager
from segue.server.process.signals import Shutdown
from segue.store.store import Store
from segue.timestamps import Clock, timestamp

T = TypeVar("T")


class Services:
    """The parts of one running segued."""

    def __init__(
        self, paths: Paths, store: Store, stop: Shutdown, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        store_surface.load_all()
        limits = paths.config.limits
        boot_id = secrets.token_hex(8)
        # Secrets of a long message are looked for on another thread, and shorter ones would overtake it on the way.
        self.dispatcher = Dispatcher(METHODS, limits, together=not paths.config.privacy.redact)
        self.cleanup = Cleanup(store, paths.config.session, clock, monotonic)
        self.traces = WalCleaner(store)
        self.cleanup.on_purge = self.traces.note
        self._turn = anyio.Lock()
        self.backups = Backups(paths, store, self._turn)
        self.attachments = Attachments(store)
        self._backlog = EventLog(boot_id, limits, clock)
        store.on_commit(self._backlog.publish)
        self._scrubbing = Scrubbing(store, self._backlog, self.traces, self._turn)
        self.clients = ConnectionManager(
            self.dispatcher, limits, self._context_for, self.attachments.on_disconnect, self._backlog
        )
        self.record = Record(str(paths.socket), os.getpid(), __version__, PROTOCOL, boot_id, str(paths.database))
        self._config = paths.config
        self._redactor = Redactor(paths.config.privacy.redact)
        self.store = store
        self._stop = stop
        self._monotonic = monotonic
        self._started_at = timestamp(clock())
        self._started = monotonic()

    def status(self, database: DatabaseStatus, *, deleted_remains: bool) -> DaemonStatus:
        """The state of everything but the file, which is handed in."""
        return DaemonStatus(
            version=__version__,
            protocol=PROTOCOL,
            pid=os.getpid(),
            boot_id=self.record.boot_id,
            started_at=self._started_at,
            uptime_s=int(self._monotonic() - self._started),
            socket=self.record.socket,
            database=database,
            clients=len(self.clients),
            subscriptions=self.clients.subscriptions,
            requests=self.dispatcher.requests,
            errors=self.dispatcher.errors.total(),
            errors_by_kind=dict(self.dispatcher.errors),
            refused_clients=self.clients.refused_clients,
            refused_peers=self.clients.refused_peers,
            dropped_subscribers=self._backlog.resets,
            queue_depth=self.store.queue_depth,
            writes=self.store.write_status(),
            reads=self.store.read_status(),
            process=_process(),
            cleanup=self.cleanup.status(),
            privacy=self._redactor.status(deleted_remains=deleted_remains or self.traces.pending),
        )

    def stop(self) -> None:
        """Begin to drain."""
        self._stop.requested.set()

    def purge(self) -> None:
        """Something large was deleted: remove it from the file when there is time."""
        self.cleanup.purge_soon()

    async def run_cleanup(self) -> CleanupResult:
        """Delete what is too old or too much, now."""
        return await self.cleanup.run()

    async def clean(self, value: T) -> T:
        """The value without secrets, if the configuration says so."""
        return await self._redactor.clean(value)

    async def scrub(self, *, dry_run: bool) -> ScrubResult:
        """Take secrets out of what is stored."""
        return await self._scrubbing.run(dry_run=dry_run)

    async def back_up(self, path: str, *, overwrite: bool) -> BackupResult:
        """Copy the database."""
        return await self.backups.make(path, overwrite=overwrite)

    @property
    def busy(self) -> bool:
        """Whether something goes on that one request began long ago."""
        return self._turn.locked()

    async def attach(self, client: Hashable, session_id: str) -> Session:
        """The session, with the client behind it."""
        return await self.attachments.attach(client, session_id)

    async def end(self, client: Hashable, session_id: str, status: EndStatus) -> Session:
        """The session, ended and without the client."""
        return await self.attachments.end(client, session_id, status)

    async def detach(self, client: Hashable, session_id: str) -> None:
        """The session without the client, otherwise as it is."""
        await self.attachments.detach(client, session_id)

    def discover(self) -> Any:
        """The discovery document, encoded once."""
        return self._discovery

    def _context_for(self, client: Connection) -> Context:
        return Context(self.store, self._config, self, client)

    @cached_property
    def _discovery(self) -> msgspec.Raw:
        found = document(METHODS, title="segued", version=__version__, description=f"Wire contract {PROTOCOL}.")
        return msgspec.Raw(msgspec.json.encode(found))


def _process() -> ProcessStatus:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ProcessStatus(
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        peak_memory_bytes=peak if sys.platform == "darwin" else peak * 1024,  # macOS tells bytes, Linux KiB
    )
