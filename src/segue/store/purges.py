"""Deleting much without holding anyone up: hidden at once by one row, removed in slices later.

A row of `purges` says that a session's messages below an id are deleted. Every reader leaves them out, so
the deletion is complete the moment that row is committed; the slices only give the space back.
"""

from segue.store.tx import Tx
from segue.types import MAX_INTEGER

SLICE = 200
"""Messages removed in one transaction: about 2 ms with secure_delete, the most a client should wait for it."""

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


def remove_slice(tx: Tx) -> bool:
    """Remove one slice of what is hidden, or give free space back; False when nothing is left to do."""
    row = tx.run("SELECT session_id, before_id FROM purges LIMIT 1").fetchone()
    if row is not None:
        _remove_slice(tx, *row)
        return True
    free = tx.run("PRAGMA freelist_count").fetchone()[0]
    if free <= FREE_PAGES:
        return False
    tx.run(f"PRAGMA incremental_vacuum({min(SLICE, free - FREE_PAGES)})").fetchall()
    return True


def _remove_slice(tx: Tx, session_id: str, before_id: int) -> None:
    removed = tx.run(
        """
        DELETE FROM messages WHERE id IN (
            SELECT id FROM messages WHERE session_id = :session_id AND id < :before_id ORDER BY id LIMIT :slice
        )
        """,
        session_id=session_id,
        before_id=before_id,
        slice=SLICE,
    ).rowcount
    if removed < SLICE:
        tx.run("DELETE FROM purges WHERE session_id = :session_id", session_id=session_id)
