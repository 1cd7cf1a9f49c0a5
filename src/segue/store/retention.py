"""Which sessions are too old or too many, and their deletion one at a time."""

from typing import Literal

from segue.answers import CleanupResult
from segue.clock import timestamp
from segue.store import sessions
from segue.store.tx import Tx

TOLD_IDS = 1000
"""Ids that a result names, by the contract."""

Cause = Literal["retention", "max_sessions"]


def expired(tx: Tx, retention_ms: int | None) -> list[str]:
    """Sessions whose last message is more than `retention_ms` before now, the longest unused first."""
    if retention_ms is None:
        return []
    rows = tx.run(
        """
        SELECT id FROM sessions WHERE last_message_at < :before AND NOT pinned AND NOT attached
        ORDER BY last_message_at, activity
        """,
        before=timestamp(tx.now - retention_ms),
    )
    return [id for (id,) in rows]


def surplus(tx: Tx, max_sessions: int, gone: int = 0) -> list[str]:
    """The least recent sessions above the cap (0: no cap), after the `gone` longest unused are deleted already."""
    if not max_sessions:
        return []
    rows = tx.run(
        """
        SELECT id FROM sessions WHERE NOT pinned AND NOT attached
        ORDER BY last_message_at DESC, activity DESC LIMIT -1 OFFSET :max_sessions
        """,
        max_sessions=max_sessions,
    )
    least_recent_first = [id for (id,) in rows][::-1]
    return least_recent_first[gone:]


def preview(tx: Tx, retention_ms: int | None, max_sessions: int) -> CleanupResult:
    """What a cleanup would delete now."""
    old = expired(tx, retention_ms)
    return result(old, surplus(tx, max_sessions, gone=len(old)))


def result(by_retention: list[str], by_max_sessions: list[str]) -> CleanupResult:
    """The counts, and the first ids."""
    return CleanupResult(
        sessions_deleted=len(by_retention) + len(by_max_sessions),
        by_retention=len(by_retention),
        by_max_sessions=len(by_max_sessions),
        session_ids=[*by_retention, *by_max_sessions][:TOLD_IDS],
    )


def delete_if(tx: Tx, session_id: str, cause: Cause, retention_ms: int | None, max_sessions: int) -> bool:
    """Delete the session if that is still due at this moment: it may just have been used, pinned or attached."""
    due = (
        _is_expired(tx, session_id, retention_ms) if cause == "retention" else _is_surplus(tx, session_id, max_sessions)
    )
    return due and sessions.delete(tx, session_id)


def _is_expired(tx: Tx, session_id: str, retention_ms: int | None) -> bool:
    if retention_ms is None:
        return False
    sql = "SELECT 1 FROM sessions WHERE id = :id AND last_message_at < :before AND NOT pinned AND NOT attached"
    return tx.run(sql, id=session_id, before=timestamp(tx.now - retention_ms)).fetchone() is not None


def _is_surplus(tx: Tx, session_id: str, max_sessions: int) -> bool:
    newer = tx.run(
        """
        SELECT count(*) FROM sessions AS s, sessions AS this
        WHERE this.id = :id AND NOT this.pinned AND NOT this.attached AND NOT s.pinned AND NOT s.attached
          AND (s.last_message_at, s.activity) > (this.last_message_at, this.activity)
        """,
        id=session_id,
    ).fetchone()[0]
    return bool(max_sessions) and int(newer) >= max_sessions
