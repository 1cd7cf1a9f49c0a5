"""The continue rule: which session a place continues, and why."""

from typing import Any, Literal, NamedTuple

from segue.errors import InvalidData
from segue.models import Reason, Session
from segue.results import Resolution
from segue.store.engine.tx import Tx
from segue.store.records import bots, sessions
from segue.timestamps import milliseconds, timestamp

TERMINAL_REFRESH_MS = 60_000
"""Milliseconds: how long the time of a terminal's last use may lag. It spares a write at most prompts."""


class Place(NamedTuple):
    """The place of a conversation: a working directory or a project of one bot, and the caller's terminal."""

    working_dir: str
    bot_id: str
    project: str | None = None
    scope: Literal["directory", "project"] = "directory"
    terminal: str | None = None

    @property
    def column(self) -> str:
        """Return the column of `sessions` that the place is found by."""
        return "project" if self.scope == "project" and self.project is not None else "working_dir"

    @property
    def value(self) -> str:
        """Return the value of that column."""
        return self.project if self.scope == "project" and self.project is not None else self.working_dir


class Candidate(NamedTuple):
    """The columns of a session that the rule depends on."""

    id: str
    status: str
    last_message_at: str
    terminal: str | None
    terminal_at: str | None


class Decision(NamedTuple):
    """The session that the rule considered, and whether to resume it."""

    candidate: Candidate | None
    resumed: bool
    reason: Reason

    def idle_seconds(self, now: int) -> int | None:
        """Return the whole seconds since the candidate's last message; a future message counts as now."""
        return None if self.candidate is None else idle_ms(self.candidate, now) // 1000


def decide(tx: Tx, place: Place, continuity_ms: int) -> Decision:
    """Choose the session to resume.

    1. Candidates are the sessions of the place that are neither archived nor imported, the newest first.
    2. With a terminal, a candidate that was last used in it and is recent comes first. A candidate that another
       terminal used within the continuity window is left out.
    3. The newest of the other candidates that is not completed is resumed if it was idle for less than
       `continuity_ms`.
    """
    bots.require(tx, place.bot_id)
    held_after = timestamp(tx.now - continuity_ms)
    own = _newest(tx, place, "status <> 'completed' AND terminal = :terminal") if place.terminal else None
    if own and idle_ms(own, tx.now) < continuity_ms:
        return Decision(own, resumed=True, reason="recent")
    unheld = "true"
    if place.terminal is not None:
        unheld = "(terminal IS NULL OR terminal = :terminal OR terminal_at <= :held_after)"
    unended = _newest(tx, place, f"status <> 'completed' AND {unheld}", held_after)
    if unended and idle_ms(unended, tx.now) < continuity_ms:
        return Decision(unended, resumed=True, reason="recent")
    newest = _newest(tx, place, unheld, held_after)
    if newest is None:
        return Decision(None, resumed=False, reason="none")
    return Decision(newest, resumed=False, reason="ended" if newest.status == "completed" else "expired")


def find_active(tx: Tx, place: Place, continuity_ms: int) -> str | None:
    """Return the id of the session that the place resumes if that is active, else None."""
    decision = decide(tx, place, continuity_ms)
    candidate = decision.candidate
    return candidate.id if decision.resumed and candidate is not None and candidate.status == "active" else None


def resolve_without_write(tx: Tx, place: Place, continuity_ms: int) -> Resolution | None:
    """Return the resolution if it changes nothing, else None.

    Most calls come from a shell prompt and find a session that is active, so they need no write.
    """
    decision = decide(tx, place, continuity_ms)
    candidate = decision.candidate
    if not decision.resumed or candidate is None or candidate.status != "active":
        return None
    fresh_after = timestamp(tx.now - TERMINAL_REFRESH_MS)
    if place.terminal is not None and (
        candidate.terminal != place.terminal or (candidate.terminal_at or "") <= fresh_after
    ):
        return None
    return _resolution(tx, place, continuity_ms, decision)


def resolve(
    tx: Tx, place: Place, continuity_ms: int, *, create: bool, new_fields: dict[str, Any] | None = None
) -> Resolution:
    """Resume the place's session, or create one with `new_fields` if `create` is set."""
    decision = decide(tx, place, continuity_ms)
    session_id = None
    if decision.resumed and decision.candidate:
        session_id = decision.candidate.id
        sessions.activate(tx, session_id)
    elif create:
        fields = {"working_dir": place.working_dir, "project": place.project, **(new_fields or {})}
        session_id = sessions.create(tx, bot_id=place.bot_id, **fields).id
    if session_id is not None:
        sessions.mark_terminal(tx, session_id, place.terminal)
    return _resolution(tx, place, continuity_ms, decision, session_id)


def _resolution(
    tx: Tx, place: Place, continuity_ms: int, decision: Decision, session_id: str | None = None
) -> Resolution:
    candidate = decision.candidate
    if decision.resumed and candidate:
        session_id = candidate.id
    return Resolution(
        session=sessions.get(tx, session_id) if session_id else None,
        resumed=decision.resumed,
        reason=decision.reason,
        idle_seconds=decision.idle_seconds(tx.now),
        previous=None if decision.resumed or candidate is None else candidate.id,
        others=_count_held(tx, place, continuity_ms, session_id),
    )


def idle_ms(candidate: Candidate, now: int) -> int:
    """Return the milliseconds since the candidate's last message, 0 if that is in the future.

    Raises:
        InvalidData: the stored time cannot be parsed.
    """
    try:
        return max(0, now - milliseconds(candidate.last_message_at))
    except (TypeError, ValueError):
        raise InvalidData("session", candidate.id) from None


_USED_HERE = """
    (
        NOT EXISTS (
            SELECT 1 FROM sync_elsewhere AS e WHERE e.session_id = sessions.id
              AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.session_id = sessions.id AND m.id > e.upto)
        )
        OR EXISTS (SELECT 1 FROM sync_account WHERE anywhere AND synced_at > :synced_after)
    )
"""
"""SQL: True for sessions that no other machine used last, or that may be continued because sync is up to date."""

FRESH_MS = 60_000
"""Milliseconds: the age of the last sync up to which another machine's session is continued."""


def _newest(tx: Tx, place: Place, condition: str, held_after: str = "") -> Candidate | None:
    row = tx.run(
        f"""
        SELECT id, status, last_message_at, terminal, terminal_at FROM sessions
        WHERE {place.column} = :place AND bot_id = :bot_id AND NOT archived AND source_tool IS NULL AND {condition}
          AND {_USED_HERE}
        ORDER BY activity DESC LIMIT 1
        """,
        place=place.value,
        bot_id=place.bot_id,
        terminal=place.terminal,
        held_after=held_after,
        synced_after=timestamp(tx.now - FRESH_MS),
    ).fetchone()
    return None if row is None else Candidate(*row)


def _count_held(tx: Tx, place: Place, continuity_ms: int, session_id: str | None) -> int:
    """Return the number of active sessions of the place that other terminals used within the continuity window."""
    row = tx.run(
        f"""
        SELECT count(*) FROM sessions INDEXED BY sessions_by_terminal
        WHERE terminal IS NOT NULL AND terminal_at > :held_after AND {place.column} = :place AND bot_id = :bot_id
          AND terminal IS NOT :terminal AND id IS NOT :session_id
          AND status = 'active' AND NOT archived AND source_tool IS NULL
        """,
        held_after=timestamp(tx.now - continuity_ms),
        place=place.value,
        bot_id=place.bot_id,
        terminal=place.terminal,
        session_id=session_id,
    ).fetchone()
    return int(row[0])


def preview(tx: Tx, place: Place, continuity_ms: int) -> tuple[Session, int] | None:
    """Return the session that the place continues, and the whole seconds since its last message, if there is one.

    Nothing changes: a crashed session stays crashed, unlike with `resolve`.
    """
    decision = decide(tx, place, continuity_ms)
    if not decision.resumed or decision.candidate is None:
        return None
    return sessions.get(tx, decision.candidate.id), decision.idle_seconds(tx.now) or 0
