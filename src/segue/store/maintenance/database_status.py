"""The size and content of the database for daemon.status."""

from collections.abc import Iterator
from pathlib import Path

from segue.files import size_of
from segue.status_results import DatabaseStatus, JobStatus
from segue.store.engine.connection import Reader
from segue.store.engine.tx import Tx
from segue.store.maintenance.backup_time import backup_time
from segue.store.search import index
from segue.store.stats import figures

FEW_MESSAGES = 3000
"""Messages: up to this number are indexed or counted in a moment, and are not shown as a job."""


MANY_SESSIONS = 10_000
"""Sessions: with more, the number of messages is remembered for RECOUNT_MS, because a sum over all takes 10 ms."""

RECOUNT_MS = 10_000


def database_status(tx: Tx, path: Path) -> DatabaseStatus:
    """Return the sizes and counts."""
    sessions = tx.run("SELECT count(*) FROM sessions").fetchone()[0]
    messages = _count_messages(tx) if sessions <= MANY_SESSIONS else _count_messages_sometimes(tx)
    return DatabaseStatus(
        path=str(path),
        bytes=tx.run("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0],
        wal_bytes=size_of(path.with_name(path.name + "-wal")),
        schema_version=tx.run("PRAGMA user_version").fetchone()[0],
        sessions=sessions,
        messages=messages,
        last_backup_at=backup_time(tx),
    )


def _count_messages(tx: Tx) -> int:
    """Count the messages by the counters of their sessions."""
    return int(tx.run("SELECT coalesce(sum(message_count), 0) FROM sessions").fetchone()[0])


def _count_messages_sometimes(tx: Tx) -> int:
    if not isinstance(tx.connection, Reader):
        return _count_messages(tx)
    counted_at, messages = tx.connection.memory.get("messages", (None, 0))
    if counted_at is None or not 0 <= tx.now - counted_at < RECOUNT_MS:
        messages = _count_messages(tx)
        tx.connection.memory["messages"] = tx.now, messages
    return int(messages)


def status_and_due(tx: Tx, path: Path) -> tuple[DatabaseStatus, bool, list[JobStatus]]:
    """Return the status, whether the index still holds deleted text, and what is to be indexed or counted."""
    return database_status(tx, path), index.has_deleted_terms(tx), list(_due(tx))


def _due(tx: Tx) -> Iterator[JobStatus]:
    """Yield the messages that are to be indexed, and those that are to be counted for statistics."""
    newest = index.newest(tx)
    for job, step, upto in (
        ("index", "adding messages", index.progress(tx).upto),
        ("statistics", "counting messages", figures.counted_upto(tx)),
    ):
        if newest - upto > FEW_MESSAGES:
            yield JobStatus(job=job, step=step, done=upto, total=newest, unit="messages")
