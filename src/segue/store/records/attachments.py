"""Sessions with a client behind them: one that vanishes leaves its session crashed."""

from typing import NamedTuple

from segue.models import Session
from segue.store.engine.tx import Tx
from segue.store.records import sessions


class Attached(NamedTuple):
    """A session with a client behind it."""

    session: Session
    first: bool
    """Whether nobody else had it attached."""


def attach(tx: Tx, session_id: str) -> Attached:
    """The session, marked as attached; NotFound if there is none."""
    marked = tx.run("UPDATE sessions SET attached = 1 WHERE id = :id AND NOT attached", id=session_id).rowcount
    return Attached(sessions.get(tx, session_id), marked > 0)


def detach(tx: Tx, session_id: str) -> None:
    """Nobody has the session attached any more."""
    tx.run("UPDATE sessions SET attached = 0 WHERE id = :id", id=session_id)


def mark_crashed(tx: Tx, session_id: str) -> None:
    """The last client that had the session attached vanished: it crashed, if it was active.

    A session that is not marked is a new one of a deleted one's id.
    """
    crashed = tx.run(
        """
        UPDATE sessions SET status = 'crashed', ended_at = :at, updated_at = :at
        WHERE id = :id AND attached AND status = 'active'
        """,
        id=session_id,
        at=tx.at,
    )
    detach(tx, session_id)
    if crashed.rowcount:
        sessions.tell_about(tx, "session.ended", session_id)


def abandon_all(tx: Tx) -> None:
    """A daemon died: what was attached to it crashed."""
    for (session_id,) in tx.run("SELECT id FROM sessions WHERE attached").fetchall():
        mark_crashed(tx, session_id)


def detach_all(tx: Tx) -> None:
    """The daemon leaves in good order."""
    tx.run("UPDATE sessions SET attached = 0 WHERE attached")
