"""The size and content of the database for daemon.status."""

from collections.abc import Iterator
from pathlib import Path

from segue.files import size_of
from segue.status_results import DatabaseStatus, JobStatus
from segue.store.engine.tx import Tx
from segue.store.maintenance.backup_time import backup_time
from segue.store.search import index
from segue.store.stats import figures

FEW_MESSAGES = 3000
"""Messages: up to this number are indexed or counted in a moment, and are not shown as a job."""


def database_status(tx: Tx, path: Path) -> DatabaseStatus:
    """Return the sizes and counts. Messages are counted by the counters of their sessions."""
    sessions, messages = tx.run("SELECT count(*), coalesce(sum(message_count), 0) FROM sessions").fetchone()
    return DatabaseStatus(
        path=str(path),
        bytes=tx.run("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0],
        wal_bytes=size_of(path.with_name(path.name + "-wal")),
        schema_version=tx.run("PRAGMA user_version").fetchone()[0],
        sessions=sessions,
        messages=messages,
        last_backup_at=backup_time(tx),
    )


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
