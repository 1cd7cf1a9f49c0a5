"""Which sessions are too old or too many, and their deletion one at a time."""

from typing import NamedTuple

from segue.results import CleanupResult
from segue.store.engine.tx import Tx
from segue.store.records import sessions
from segue.timestamps import timestamp

TOLD_IDS = 1000
"""Ids that a result names, by the contract."""


class ExpiredSession(NamedTuple):
    """A session that is to be deleted, if it is not used before."""

    session_id: str
    activity: int


def expired(tx: Tx, retention_ms: int | None) -> list[ExpiredSession]:
    """Sessions whose last message is more than `retention_ms` before now, the longest unused first."""
    if retention_ms is None:
        return []
    rows = tx.run(
        """
        SELECT id, activity FROM sessions WHERE last_message_at < :before AND NOT pinned AND NOT attached
        ORDER BY last_message_at, activity
        """,
        before=timestamp(tx.now - retention_ms),
    )
    return [ExpiredSession(*row) for row in rows]


def over_limit(tx: Tx, max_sessions: int, gone: int = 0) -> list[ExpiredSession]:
    """The least recent sessions above the cap (0: no cap), after the `gone` longest unused are deleted already."""
    if not max_sessions:
        return []
    rows = tx.run(
        """
        SELECT id, activity FROM sessions WHERE NOT pinned AND NOT attached
        ORDER BY last_message_at DESC, activity DESC LIMIT -1 OFFSET :max_sessions
        """,
        max_sessions=max_sessions,
    )
    least_recent_first = [ExpiredSession(*row) for row in rows][::-1]
    return least_recent_first[gone:]


def preview(tx: Tx, retention_ms: int | None, max_sessions: int) -> CleanupResult:
    """What a cleanup would delete now."""
    old = expired(tx, retention_ms)
    many = over_limit(tx, max_sessions, gone=len(old))
    return result([one.session_id for one in old], [one.session_id for one in many])


def result(by_retention: list[str], by_max_sessions: list[str]) -> CleanupResult:
    """The counts, and the first ids."""
    return CleanupResult(
        sessions_deleted=len(by_retention) + len(by_max_sessions),
        by_retention=len(by_retention),
        by_max_sessions=len(by_max_sessions),
        session_ids=[*by_retention, *by_max_sessions][:TOLD_IDS],
    )


def delete_if_unused(tx: Tx, due: ExpiredSession) -> bool:
    """Delete the session unless it was used, pinned or attached since it was found due."""
    sql = "SELECT 1 FROM sessions WHERE id = :id AND activity = :activity AND NOT pinned AND NOT attached"
    unused = tx.run(sql, id=due.session_id, activity=due.activity).fetchone() is not None
    return unused and sessions.delete(tx, due.session_id)
