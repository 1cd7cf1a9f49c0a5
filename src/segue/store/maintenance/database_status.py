"""The size and content of the database for daemon.status."""

from pathlib import Path

from segue.status_results import DatabaseStatus
from segue.store.engine.tx import Tx
from segue.store.maintenance.backup_time import backup_time
from segue.store.search import index


def database_status(tx: Tx, path: Path) -> DatabaseStatus:
    """Return the sizes and counts. Messages are counted by the counters of their sessions."""
    sessions, messages = tx.run("SELECT count(*), coalesce(sum(message_count), 0) FROM sessions").fetchone()
    return DatabaseStatus(
        path=str(path),
        bytes=tx.run("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0],
        wal_bytes=_size(path.with_name(path.name + "-wal")),
        schema_version=tx.run("PRAGMA user_version").fetchone()[0],
        sessions=sessions,
        messages=messages,
        last_backup_at=backup_time(tx),
    )


def status_and_deleted(tx: Tx, path: Path) -> tuple[DatabaseStatus, bool]:
    """Return the status, and True if the index still holds deleted text."""
    return database_status(tx, path), index.has_deleted_terms(tx)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # The file was removed; the file guard reports that.
        return 0
