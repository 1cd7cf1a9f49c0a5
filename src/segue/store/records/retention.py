"""Find sessions that are too old or too many, and delete them one by one."""

from collections.abc import Collection
from typing import NamedTuple

from segue.results import CleanupResult
from segue.store.engine.tx import Tx
from segue.store.records import sessions
from segue.timestamps import timestamp

MAX_RESULT_IDS = 1000
"""Sessions: the number of ids that a result lists, by the wire contract."""

DAY_MS = 86_400_000

_KEPT = "(pinned OR attached OR retention_days = 0)"
"""SQL: True for sessions that no cleanup deletes."""


class Ages(NamedTuple):
    """The configured retentions in milliseconds, for sessions without one of their own; None keeps them."""

    own_ms: int | None
    imported_ms: int | None


class ExpiredSession(NamedTuple):
    """A session to delete, unless it is used or its retention changes before that."""

    session_id: str
    activity: int
    retention_days: int | None
    """The session's own retention."""
    retention_ms: int
    """Milliseconds: the retention that applies; 0 for a session above the limit."""


def expired(tx: Tx, ages: Ages, within_days: int = 0) -> list[ExpiredSession]:
    """Return the sessions that are older than their retention, now or in some days, the longest unused first."""
    now = tx.now + within_days * DAY_MS
    rows = tx.run(
        f"""
        SELECT id, activity, retention_days, applied FROM (
            SELECT *, :own_ms AS applied FROM sessions
            WHERE retention_days IS NULL AND source_tool IS NULL AND last_message_at < :own_before
            UNION ALL
            SELECT *, :imported_ms AS applied FROM sessions
            WHERE retention_days IS NULL AND source_tool IS NOT NULL AND last_message_at < :imported_before
            UNION ALL
            SELECT *, retention_days * {DAY_MS} AS applied FROM sessions
            WHERE retention_days > 0
              AND last_message_at < strftime('%Y-%m-%dT%H:%M:%fZ', :now, '-' || retention_days || ' days')
        )
        WHERE NOT coalesce({_KEPT}, FALSE) ORDER BY last_message_at, activity
        """,
        now=timestamp(now),
        own_ms=ages.own_ms,
        own_before=_before(now, ages.own_ms),
        imported_ms=ages.imported_ms,
        imported_before=_before(now, ages.imported_ms),
    )
    return [ExpiredSession(*row) for row in rows]


def _before(now: int, age_ms: int | None) -> str:
    return "" if age_ms is None else timestamp(now - age_ms)


def over_limit(tx: Tx, max_sessions: int, excluded: Collection[str] = ()) -> list[ExpiredSession]:
    """Return the least recent sessions above the limit (0: no limit), without the `excluded` ones."""
    if not max_sessions:
        return []
    rows = tx.run(
        f"""
        SELECT id, activity, retention_days, 0 FROM sessions
        WHERE NOT coalesce({_KEPT} OR (source_tool IS NOT NULL AND retention_days IS NULL), FALSE)
        ORDER BY last_message_at DESC, activity DESC
        """
    )
    most_recent_first = [ExpiredSession(*row) for row in rows if row[0] not in excluded]
    return most_recent_first[max_sessions:][::-1]


def count(tx: Tx) -> int:
    """Return the number of all sessions."""
    return int(tx.run("SELECT count(*) FROM sessions").fetchone()[0])


def preview(tx: Tx, ages: Ages, max_sessions: int, within_days: int = 0) -> CleanupResult:
    """Return what a cleanup would delete now, or in some days if no session is used until then."""
    old = [session.session_id for session in expired(tx, ages, within_days)]
    surplus = over_limit(tx, max_sessions, excluded=set(old))
    return result(old, [session.session_id for session in surplus])


def result(by_retention: list[str], by_max_sessions: list[str]) -> CleanupResult:
    """Return the counts and the first ids."""
    return CleanupResult(
        sessions_deleted=len(by_retention) + len(by_max_sessions),
        by_retention=len(by_retention),
        by_max_sessions=len(by_max_sessions),
        session_ids=[*by_retention, *by_max_sessions][:MAX_RESULT_IDS],
    )


def delete_if_unused(tx: Tx, session: ExpiredSession) -> bool:
    """Delete the session unless it was used, pinned, attached or given another retention since it was found."""
    sql = f"""
        SELECT 1 FROM sessions
        WHERE id = :id AND activity = :activity AND retention_days IS :retention_days
          AND NOT coalesce({_KEPT}, FALSE)
    """
    session_id, activity, retention_days, _ = session
    unused = tx.run(sql, id=session_id, activity=activity, retention_days=retention_days).fetchone() is not None
    tx.cause = "retention"
    return unused and sessions.delete(tx, session_id, for_good=False)
