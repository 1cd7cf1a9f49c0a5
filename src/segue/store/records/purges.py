"""Deleting much without holding anyone up: hidden at once by one row, removed in slices later.

A row of `purges` says that a session's messages below an id are deleted. Every reader leaves them out, so
the deletion is complete the moment that row is committed; the slices only give the space back.
"""

from segue.models import MAX_INTEGER
from segue.store.engine.tx import Tx
from segue.store.search import index, index_entries, index_sessions

VACUUM_PAGES = 200
"""Pages given back in one transaction: about 2 ms."""

FREE_PAGES = 1024
"""Pages (4 MiB) kept for new messages before the file is made smaller."""


def hide_before(tx: Tx, session_id: str, before_id: int) -> None:
    """Delete the session's messages with a smaller id for every reader, and remove the first slice of them.

    Only what is there now: the row stays until the last slice, and what is appended meanwhile is not meant.
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


def are_due(tx: Tx) -> bool:
    """Whether something that is hidden is still in the file."""
    return tx.run("SELECT 1 FROM purges").fetchone() is not None


def remove_slice(tx: Tx) -> bool:
    """Remove one slice of what is hidden, or give free space back; False when nothing is left to do."""
    row = tx.run("SELECT session_id, before_id FROM purges LIMIT 1").fetchone()
    if row is not None:
        _remove_slice(tx, *row)
        return True
    free = tx.run("PRAGMA freelist_count").fetchone()[0]
    if free <= FREE_PAGES:
        return False
    tx.run(f"PRAGMA incremental_vacuum({min(VACUUM_PAGES, free - FREE_PAGES)})").fetchall()
    return True


def _remove_slice(tx: Tx, session_id: str, before_id: int) -> None:
    """A slice of the search index bounds this too: taking a message out of it costs more than deleting it."""
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
