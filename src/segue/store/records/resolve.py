"""The continue rule: which session a directory goes on with, and why."""

from typing import Any, NamedTuple

from segue.errors import InvalidData
from segue.models import Reason
from segue.results import Resolution
from segue.store.engine.tx import Tx
from segue.store.records import bots, sessions
from segue.timestamps import milliseconds


class DirectoryKey(NamedTuple):
    """Where a conversation goes on: one directory of one bot."""

    working_dir: str
    bot_id: str


class Candidate(NamedTuple):
    """What the rule needs to know of a session."""

    id: str
    status: str
    last_message_at: str


class Decision(NamedTuple):
    """The rule's answer, before anything is done about it."""

    candidate: Candidate | None
    resumed: bool
    reason: Reason

    def idle_seconds(self, now: int) -> int | None:
        """Whole seconds since the candidate's last message; a future one counts as now."""
        return None if self.candidate is None else idle_ms(self.candidate, now) // 1000


def decide(tx: Tx, place: DirectoryKey, continuity_ms: int) -> Decision:
    """Take the newest session there that is not completed; it is resumed if idle for less than `continuity_ms`."""
    bots.require(tx, place.bot_id)
    open_one = _newest(tx, place, ended=False)
    if open_one and idle_ms(open_one, tx.now) < continuity_ms:
        return Decision(open_one, resumed=True, reason="recent")
    newest = _newest(tx, place, ended=True)
    if newest is None:
        return Decision(None, resumed=False, reason="none")
    return Decision(newest, resumed=False, reason="ended" if newest.status == "completed" else "expired")


def look(tx: Tx, place: DirectoryKey, continuity_ms: int) -> Resolution | None:
    """The resolution if the answer changes nothing, else None: most calls at a prompt need no write."""
    verdict = decide(tx, place, continuity_ms)
    if verdict.resumed and verdict.candidate and verdict.candidate.status == "active":
        return _resolution(tx, verdict)
    return None


def resolve(
    tx: Tx, place: DirectoryKey, continuity_ms: int, *, create: bool, fresh: dict[str, Any] | None = None
) -> Resolution:
    """The session that is resumed, or a new one (with the members `fresh`) if `create`."""
    verdict = decide(tx, place, continuity_ms)
    if verdict.resumed and verdict.candidate:
        sessions.activate(tx, verdict.candidate.id)
    elif create:
        made = sessions.create(tx, bot_id=place.bot_id, working_dir=place.working_dir, **(fresh or {}))
        return _resolution(tx, verdict, made.id)
    return _resolution(tx, verdict)


def _resolution(tx: Tx, verdict: Decision, made: str | None = None) -> Resolution:
    candidate = verdict.candidate
    shown = candidate.id if verdict.resumed and candidate else made
    return Resolution(
        session=sessions.get(tx, shown) if shown else None,
        resumed=verdict.resumed,
        reason=verdict.reason,
        idle_seconds=verdict.idle_seconds(tx.now),
        previous=None if verdict.resumed or candidate is None else candidate.id,
    )


def idle_ms(candidate: Candidate, now: int) -> int:
    """Milliseconds since the candidate's last message, never below 0."""
    try:
        return max(0, now - milliseconds(candidate.last_message_at))
    except ValueError:
        raise InvalidData("session", candidate.id) from None


def _newest(tx: Tx, place: DirectoryKey, *, ended: bool) -> Candidate | None:
    row = tx.run(
        """
        SELECT id, status, last_message_at FROM sessions
        WHERE working_dir = :working_dir AND bot_id = :bot_id AND (:ended OR status <> 'completed')
        ORDER BY activity DESC LIMIT 1
        """,
        working_dir=place.working_dir,
        bot_id=place.bot_id,
        ended=ended,
    ).fetchone()
    return None if row is None else Candidate(*row)
