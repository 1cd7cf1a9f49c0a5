"""The continue rule: which session a directory continues, and why."""

from typing import Any, NamedTuple

from segue.errors import InvalidData
from segue.models import Reason
from segue.results import Resolution
from segue.store.engine.tx import Tx
from segue.store.records import bots, sessions
from segue.timestamps import milliseconds


class DirectoryKey(NamedTuple):
    """A working directory of one bot."""

    working_dir: str
    bot_id: str


class Candidate(NamedTuple):
    """The columns of a session that the rule depends on."""

    id: str
    status: str
    last_message_at: str


class Decision(NamedTuple):
    """The session that the rule considered, and whether to resume it."""

    candidate: Candidate | None
    resumed: bool
    reason: Reason

    def idle_seconds(self, now: int) -> int | None:
        """Return the whole seconds since the candidate's last message; a future message counts as now."""
        return None if self.candidate is None else idle_ms(self.candidate, now) // 1000


def decide(tx: Tx, directory: DirectoryKey, continuity_ms: int) -> Decision:
    """Choose the newest session that is not completed, and resume it if it was idle for less than `continuity_ms`."""
    bots.require(tx, directory.bot_id)
    unended = _newest(tx, directory, ended=False)
    if unended and idle_ms(unended, tx.now) < continuity_ms:
        return Decision(unended, resumed=True, reason="recent")
    newest = _newest(tx, directory, ended=True)
    if newest is None:
        return Decision(None, resumed=False, reason="none")
    return Decision(newest, resumed=False, reason="ended" if newest.status == "completed" else "expired")


def resolve_without_write(tx: Tx, directory: DirectoryKey, continuity_ms: int) -> Resolution | None:
    """Return the resolution if it changes nothing, else None.

    Most calls come from a shell prompt and find a session that is active, so they need no write.
    """
    decision = decide(tx, directory, continuity_ms)
    if decision.resumed and decision.candidate and decision.candidate.status == "active":
        return _resolution(tx, decision)
    return None


def resolve(
    tx: Tx, directory: DirectoryKey, continuity_ms: int, *, create: bool, new_fields: dict[str, Any] | None = None
) -> Resolution:
    """Resume the directory's session, or create one with `new_fields` if `create` is set."""
    decision = decide(tx, directory, continuity_ms)
    if decision.resumed and decision.candidate:
        sessions.activate(tx, decision.candidate.id)
    elif create:
        created = sessions.create(tx, **directory._asdict(), **(new_fields or {}))
        return _resolution(tx, decision, created.id)
    return _resolution(tx, decision)


def _resolution(tx: Tx, decision: Decision, created_id: str | None = None) -> Resolution:
    candidate = decision.candidate
    session_id = candidate.id if decision.resumed and candidate else created_id
    return Resolution(
        session=sessions.get(tx, session_id) if session_id else None,
        resumed=decision.resumed,
        reason=decision.reason,
        idle_seconds=decision.idle_seconds(tx.now),
        previous=None if decision.resumed or candidate is None else candidate.id,
    )


def idle_ms(candidate: Candidate, now: int) -> int:
    """Return the milliseconds since the candidate's last message, 0 if that is in the future.

    Raises:
        InvalidData: the stored time cannot be parsed.
    """
    try:
        return max(0, now - milliseconds(candidate.last_message_at))
    except ValueError:
        raise InvalidData("session", candidate.id) from None


def _newest(tx: Tx, directory: DirectoryKey, *, ended: bool) -> Candidate | None:
    row = tx.run(
        """
        SELECT id, status, last_message_at FROM sessions
        WHERE working_dir = :working_dir AND bot_id = :bot_id AND (:ended OR status <> 'completed')
        ORDER BY activity DESC LIMIT 1
        """,
        **directory._asdict(),
        ended=ended,
    ).fetchone()
    return None if row is None else Candidate(*row)
