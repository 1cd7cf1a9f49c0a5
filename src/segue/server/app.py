"""The object graph of the running daemon. It implements what the methods need of the daemon."""

import asyncio
import os
import resource
import secrets
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import anyio
import msgspec

from segue import PROTOCOL, __version__
from segue import store as store_surface
from segue.api import METHODS
from segue.api.request import ClientConnection, Context
from segue.config import Limits, load_config
from segue.errors import ConfigError
from segue.jsonrpc.dispatcher import Dispatcher
from segue.jsonrpc.openrpc import document
from segue.models import EndStatus, Session
from segue.paths import Paths
from segue.results import BackupResult, CleanupResult, ScrubResult
from segue.runtime.daemon_record import Record, machine_id
from segue.runtime.progress import Progress, RunningJobs
from segue.server.events.event_log import EventLog
from segue.server.jobs.attachments import Attachments
from segue.server.jobs.backups import Backups
from segue.server.jobs.forks import Forks
from segue.server.jobs.import_process import ImportProcess
from segue.server.jobs.maintenance import Maintenance
from segue.server.jobs.redactor import Redactor
from segue.server.jobs.retention import Cleanup
from segue.server.jobs.scrubber import Scrubber
from segue.server.jobs.streams import Streams
from segue.server.jobs.sync import SyncJob
from segue.server.net.connection import Connection
from segue.server.net.connections import ConnectionManager
from segue.server.process.signals import Shutdown
from segue.status_results import DaemonStatus, DatabaseStatus, JobStatus, ProcessStatus
from segue.store.store import Store
from segue.timestamps import Clock, timestamp

T = TypeVar("T")


class App:
    """The objects of one running daemon; implements the `DaemonControl` that the methods use."""

    def __init__(
        self,
        paths: Paths,
        limits: Limits,
        store: Store,
        shutdown: Shutdown,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        store_surface.load_all()
        self._boot_id = secrets.token_hex(8)
        self.dispatcher = Dispatcher(METHODS, limits, monotonic=monotonic)
        self.jobs = RunningJobs()
        self.cleanup = Cleanup(store, paths.config, clock, monotonic, self.jobs)
        self.maintenance = Maintenance(store)
        self.cleanup.on_deleted = self.maintenance.mark_deleted
        self._job_lock = anyio.Lock()
        self.backups = Backups(paths, store, self.maintenance, self._job_lock, self.jobs)
        self.forks = Forks(store, self.maintenance)
        self.attachments = Attachments(store)
        self._event_log = EventLog(self._boot_id, limits, clock)
        store.on_commit(self._event_log.publish)
        self._redactor = Redactor(paths.config.privacy.redact)
        self.sync = SyncJob(store, paths, self.jobs, self.maintenance.mark_deleted)
        self.cleanup.is_allowed = self.sync.allows_cleanup
        self.streams = Streams(store, self._event_log, self._redactor, clock, limits.content_bytes)
        self._scrubber = Scrubber(store, self._event_log, self.maintenance, self._job_lock, self.jobs)
        self.import_process = ImportProcess(paths) if paths.config.import_.follow else None
        self.connections = ConnectionManager(self.dispatcher, limits, self._context_for, self._event_log, monotonic)
        self.record = Record(
            socket=str(paths.socket),
            pid=os.getpid(),
            version=__version__,
            protocol=PROTOCOL,
            boot_id=self._boot_id,
            database=str(paths.database),
            host=os.uname().nodename,
            machine=machine_id(),
        )
        self._config = paths.config
        self._config_path = paths.config_path
        self.store = store
        self._shutdown = shutdown
        self._monotonic = monotonic
        self._started_at = timestamp(clock())
        self._started = monotonic()

    def status(self, database: DatabaseStatus, waiting: list[JobStatus], *, deleted_remains: bool) -> DaemonStatus:
        """Return the state of the daemon; the caller provides the state of the database and what is due in it."""
        return DaemonStatus(
            version=__version__,
            protocol=PROTOCOL,
            pid=os.getpid(),
            boot_id=self._boot_id,
            started_at=self._started_at,
            uptime_s=int(self._monotonic() - self._started),
            socket=self.record.socket,
            database=database,
            clients=len(self.connections),
            subscriptions=self.connections.subscriptions,
            requests=self.dispatcher.requests,
            errors=self.dispatcher.errors.total(),
            errors_by_kind=dict(self.dispatcher.errors),
            refused_clients=self.connections.refused_clients,
            refused_peers=self.connections.refused_peers,
            dropped_subscribers=self._event_log.resets,
            queue_depth=self.store.queue_depth,
            writes=self.store.write_status(),
            reads=self.store.read_status(),
            process=_process(),
            cleanup=self.cleanup.status(),
            privacy=self._redactor.status(deleted_remains=deleted_remains or self.maintenance.flush_due),
            config_changed=self._config_changed(),
            sync=self.sync.cached,
            import_=self.import_process.status() if self.import_process else None,
            jobs=[*map(_job_status, self.jobs), *waiting],
        )

    def stop(self) -> None:
        """Request a shutdown."""
        self._shutdown.requested.set()

    def schedule_purge(self) -> None:
        """Remove deleted rows from the file in the background."""
        self.maintenance.mark_deleted()

    async def index_messages(self) -> None:
        """Index every message that was appended before the call."""
        await self.maintenance.run_until(indexed=True)

    async def count_messages(self) -> None:
        """Keep figures of the messages that were appended before the call."""
        await self.maintenance.count_messages()

    async def fork(self, session_id: str, upto_message_id: int | None, name: str | None) -> Session:
        """Copy a session, and return the copy when it is complete."""
        await self.streams.flush(session_id=session_id)
        return await self.forks.make(session_id, upto_message_id, name)

    async def run_cleanup(self) -> CleanupResult:
        """Delete the sessions that are too old or too many."""
        return await self.cleanup.run()

    async def redact(self, value: T) -> T:
        """Return the value without secrets if `privacy.redact` is on."""
        return await self._redactor.redact(value)

    async def scrub(self, *, dry_run: bool) -> ScrubResult:
        """Redact the secrets in the database."""
        await self.streams.flush()
        return await self._scrubber.run(dry_run=dry_run)

    async def back_up(self, path: str, *, overwrite: bool) -> BackupResult:
        """Copy the database to the path."""
        return await self.backups.make(path, overwrite=overwrite)

    @property
    def busy(self) -> bool:
        """Return True while a backup or a scrub runs."""
        return self._job_lock.locked()

    async def attach(self, client: ClientConnection, session_id: str) -> Session:
        """Attach the session to the client's connection."""
        return await self.attachments.attach(client, session_id)

    async def end(self, client: ClientConnection, session_id: str, status: EndStatus) -> Session:
        """End the session and detach it from the client's connection."""
        return await self.attachments.end(client, session_id, status)

    async def detach(self, client: ClientConnection, session_id: str) -> None:
        """Detach the session from the client's connection."""
        await self.attachments.detach(client, session_id)

    def discover(self) -> Any:
        """Return the encoded discovery document."""
        return self._discovery

    def _config_changed(self) -> bool:
        try:
            return load_config(self._config_path) != self._config
        except ConfigError:
            return True

    def _context_for(self, client: Connection) -> Context:
        return Context(self.store, self._config, self, client, redaction_lock=anyio.Lock(fast_acquire=True))

    @cached_property
    def _discovery(self) -> msgspec.Raw:
        found = document(METHODS, title="segued", version=__version__, description=f"Wire contract {PROTOCOL}.")
        return msgspec.Raw(msgspec.json.encode(found))


def _job_status(job: Progress) -> JobStatus:
    return JobStatus(job=job.job, step=job.step, done=job.done, total=job.total, unit=job.unit)


def _process() -> ProcessStatus:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ProcessStatus(
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        peak_memory_bytes=peak if sys.platform == "darwin" else peak * 1024,  # macOS reports bytes, Linux KiB.
    )
