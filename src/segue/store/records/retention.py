"""Find sessions that are too old or too many, and delete them one by one."""

from typing import NamedTuple

from segue.results import CleanupResult
from segue.store.engine.tx import Tx
from segue.store.records import sessions
from segue.timestamps import timestamp

MAX_RESULT_IDS = 1000
"""Sessions: the number of ids that a result lists, by the wire contract."""


class ExpiredSession(NamedTuple):
    """A session to delete, unless it is used before that."""

    session_id: str
    activity: int


def expired(tx: Tx, retention_ms: int | None) -> list[ExpiredSession]:
    """Return the sessions whose last message is more than `retention_ms` old, the longest unused first."""
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


def over_limit(tx: Tx, max_sessions: int, already_deleted: int = 0) -> list[ExpiredSession]:
    """Return the least recent sessions above the limit (0: none), without the `already_deleted` longest unused."""
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
    return least_recent_first[already_deleted:]


def preview(tx: Tx, retention_ms: int | None, max_sessions: int) -> CleanupResult:
    """Return what a cleanup would delete now."""
    old = expired(tx, retention_ms)
    surplus = over_limit(tx, max_sessions, already_deleted=len(old))
    return result([session.session_id for session in old], [session.session_id for session in surplus])


def result(by_retention: list[str], by_max_sessions: list[str]) -> CleanupResult:
    """Return the counts and the first ids."""
    return CleanupResult(
        sessions_deleted=len(by_retention) + len(by_max_sessions),
        by_retention=len(by_retention),
        by_max_sessions=len(by_max_sessions),
        session_ids=[*by_retention, *by_max_sessions][:MAX_RESULT_IDS],
    )


def delete_if_unused(tx: Tx, session: ExpiredSession) -> bool:
    """Delete the session unless it was used, pinned or attached since it was found."""
    sql = "SELECT 1 FROM sessions WHERE id = :id AND activity = :activity AND NOT pinned AND NOT attached"
    unused = tx.run(sql, id=session.session_id, activity=session.activity).fetchone() is not None
    return unused and sessions.delete(tx, session.session_id)
