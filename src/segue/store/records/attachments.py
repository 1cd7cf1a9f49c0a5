"""Mark sessions as attached to a client, and as crashed when the client is lost."""

from typing import NamedTuple

from segue.models import Session
from segue.store.engine.tx import Tx
from segue.store.records import sessions


class Attached(NamedTuple):
    """An attached session."""

    session: Session
    first: bool
    """True if the session was not attached before."""


def attach(tx: Tx, session_id: str) -> Attached:
    """Mark the session as attached.

    Raises:
        NotFound: there is no such session.
    """
    marked = tx.run("UPDATE sessions SET attached = 1 WHERE id = :id AND NOT attached", id=session_id).rowcount
    return Attached(sessions.get(tx, session_id), marked > 0)


def detach(tx: Tx, session_id: str) -> None:
    """Remove the mark."""
    tx.run("UPDATE sessions SET attached = 0 WHERE id = :id", id=session_id)


def mark_crashed(tx: Tx, session_id: str) -> None:
    """Detach the session, and mark it as crashed if it is active.

    A session without the mark is left alone: it is a new one with the id of a deleted one.
    """
    crashed = tx.run(
        """
        UPDATE sessions SET status = 'crashed', ended_at = :at, updated_at = max(updated_at, :at)
        WHERE id = :id AND attached AND status = 'active'
        """,
        id=session_id,
        at=tx.at,
    )
    detach(tx, session_id)
    if crashed.rowcount:
        sessions.emit_if_valid(tx, "session.ended", session_id)


def mark_all_crashed(tx: Tx) -> None:
    """Mark the sessions as crashed that were attached when the previous daemon died."""
    for (session_id,) in tx.run("SELECT id FROM sessions WHERE attached").fetchall():
        mark_crashed(tx, session_id)


def detach_all(tx: Tx) -> None:
    """Remove all marks, because the daemon exits cleanly."""
    tx.run("UPDATE sessions SET attached = 0 WHERE attached")
