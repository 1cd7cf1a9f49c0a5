"""Delete many messages without delaying other writes: hide them with one row, and remove them in slices later.

A row of `purges` says that a session's messages below an id are deleted. Every reader excludes them, so the deletion
is complete with the commit of that row. The slices only free the space.
"""

from segue.models import MAX_INTEGER
from segue.store.engine.tx import Tx
from segue.store.search import index, index_entries, index_sessions

VACUUM_PAGES = 200
"""Pages: the most that one transaction returns to the file system. It takes about 2 ms."""

FREE_PAGES = 1024
"""Pages (4 MiB): the free space that stays in the file for new messages."""


def hide_before(tx: Tx, session_id: str, before_id: int) -> None:
    """Delete the session's messages with a smaller id for all readers, and remove the first slice of them.

    The bound is at most the newest id plus 1, because the row must not hide messages that are appended later.
    """
    newest = tx.run("SELECT max(id) FROM messages WHERE session_id = :id", id=session_id).fetchone()[0]
    if newest is None:
        return
    before_id = min(before_id, newest + 1)
    tx.run(
        """
        INSERT INTO purges (session_id, before_id) VALUES (:session_id, :before_id)
        ON CONFLICT (session_id) DO UPDATE SET before_id = max(before_id, excluded.before_id)
        """,
        session_id=session_id,
        before_id=before_id,
    )
    _remove_slice(tx, session_id, before_id)


def hide_all(tx: Tx, session_id: str) -> None:
    """Delete all messages that the session holds now."""
    hide_before(tx, session_id, MAX_INTEGER)


def are_due(tx: Tx, copying: str | None = None) -> bool:
    """Return True if hidden messages or names of deleted sessions are still in the file.

    `copying` is the id of a fork that is being copied.
    """
    return index.removals_are_due(tx, copying)


def remove_slice(tx: Tx, copying: str | None = None) -> bool:
    """Remove one slice of the deleted messages, or return free space; return False when nothing is left to do."""
    sql = "SELECT session_id, before_id FROM purges WHERE session_id IS NOT :copying LIMIT 1"
    row = tx.run(sql, copying=copying).fetchone()
    if row is not None:
        _remove_slice(tx, *row)
        return True
    if index.remove_deleted_sessions(tx):
        return True
    free = tx.run("PRAGMA freelist_count").fetchone()[0]
    if free <= FREE_PAGES:
        return False
    tx.run(f"PRAGMA incremental_vacuum({min(VACUUM_PAGES, free - FREE_PAGES)})").fetchall()
    return True


def _remove_slice(tx: Tx, session_id: str, before_id: int) -> None:
    # A slice of the search index is the limit here too, because removing a message from the index costs most.
    rows = index_entries.slice_of_session(tx, session_id, 0, before_id)
    if rows:
        index.remove_rows(tx, rows)
        tx.run(
            "DELETE FROM messages WHERE session_id = :session_id AND id <= :last",
            session_id=session_id,
            last=rows[-1].id,
        )
    left = "SELECT 1 FROM messages WHERE session_id = :session_id AND id < :before_id"
    if tx.run(left, session_id=session_id, before_id=before_id).fetchone() is None:
        tx.run("DELETE FROM purges WHERE session_id = :session_id", session_id=session_id)
        index_sessions.forget(tx, session_id)
