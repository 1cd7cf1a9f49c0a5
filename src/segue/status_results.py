"""The result of `daemon.status`."""

from typing import Literal

from msgspec import Struct, field

from segue.models import Count, Timestamp


class CleanupResult(Struct, kw_only=True):
    """The sessions that a cleanup deleted, or would delete."""

    sessions_deleted: Count
    by_retention: Count
    by_max_sessions: Count
    session_ids: list[str]


class DatabaseStatus(Struct, kw_only=True):
    """The database file. `bytes` is its size after a checkpoint of the `wal_bytes` beside it.

    `last_backup_at` is the time of the last `daemon.backup`. With more than 10 000 sessions, `messages` is at most 10 s
    old.
    """

    path: str
    bytes: Count
    wal_bytes: Count
    schema_version: Count
    sessions: Count
    messages: Count
    last_backup_at: Timestamp | None = None


class CleanupStatus(Struct, kw_only=True):
    """The last and the next automatic cleanup.

    `waiting` is the number of sessions that an automatic cleanup left for `session.cleanup`, because it would have
    deleted more than half of all sessions.
    """

    last_run_at: Timestamp | None
    next_run_at: Timestamp | None
    last_result: CleanupResult | None
    waiting: Count = 0


class WriteStatus(Struct, kw_only=True):
    """The number of writes since the start, and the time of the slowest from its request to its commit."""

    committed: Count
    slowest_ms: float
    slowest_recent_ms: float
    """Milliseconds: the slowest write of the last 1 to 2 minutes."""


class ReadStatus(Struct, kw_only=True):
    """Running reads, reads that wait for a connection, and the age of the oldest one."""

    running: Count
    waiting: Count
    oldest_ms: float | None


class ProcessStatus(Struct, kw_only=True):
    """The tasks of the event loop, the threads of the process, and its largest memory use."""

    tasks: Count
    threads: Count
    peak_memory_bytes: Count


class PrivacyStatus(Struct, kw_only=True):
    """The setting `privacy.redact`, and the secrets that were redacted since the start, by kind."""

    redact: bool
    redacted: dict[str, Count]
    deleted_remains: bool
    """True if deleted data may still be in the file, its WAL or the search index."""


class ToolStatus(Struct, kw_only=True):
    """The import of one tool's sessions while the daemon follows it."""

    sessions: Count
    last_seen_at: Timestamp | None
    """The time at which a change of the tool was last imported."""
    lag_ms: Count | None
    """Milliseconds from that change to its import."""
    errors: list[str]
    """The first errors of files and folders that cannot be read now."""
    error_count: Count


class ImportStatus(Struct, kw_only=True):
    """The importer process of `import.follow`, with the tools by name. `error` says why it does not run."""

    state: Literal["starting", "running", "waiting"]
    pid: Count | None
    restarts: Count
    error: str | None
    tools: dict[str, ToolStatus]


class JobStatus(Struct, kw_only=True):
    """A long job that runs now, and how far it is: backup, scrub, check, cleanup, index or statistics.

    `done` and `total` are of the step, in its `unit`. `total` is null if it is not known.
    """

    job: str
    step: str
    done: Count
    total: Count | None
    unit: str


class SyncMachine(Struct, kw_only=True):
    """A machine of the account. `behind` are batches that others have seen and that did not come yet."""

    id: str
    name: str
    here: bool
    batches: Count
    behind: Count
    seen_at: Timestamp | None
    """The clock of the machine in its newest batch."""
    forgotten: bool
    old_key: bool
    """True if it has not written since `sync.rekey`, so it has to join again."""


class SyncStatus(Struct, kw_only=True):
    """The state of sync. `waiting_deletions` is the number of sessions that other machines would delete here.

    `url` is shown without a password.
    """

    url: str
    name: str
    synced_at: Timestamp | None
    unsent_messages: Count
    unsent_changes: Count
    waiting_deletions: Count
    clock_error_ms: Count | None
    """The difference to the hub's clock, or to the machine whose clock is nearest."""
    error: str | None
    problems: list[str]
    machines: list[SyncMachine]


class DaemonStatus(Struct, kw_only=True):
    """The state of the daemon and its counters since the start; `dropped_subscribers` counts sent resets."""

    version: str
    protocol: int
    pid: int
    boot_id: str
    started_at: Timestamp
    uptime_s: Count
    socket: str
    database: DatabaseStatus
    clients: Count
    subscriptions: Count
    requests: Count
    errors: Count
    errors_by_kind: dict[str, Count]
    refused_clients: Count
    refused_peers: Count
    dropped_subscribers: Count
    queue_depth: Count
    writes: WriteStatus
    reads: ReadStatus
    process: ProcessStatus
    cleanup: CleanupStatus
    privacy: PrivacyStatus
    config_changed: bool = False
    sync: SyncStatus | None = None
    import_: ImportStatus | None = field(name="import", default=None)
    jobs: list[JobStatus] = []
