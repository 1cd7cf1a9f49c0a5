"""Append many messages of different clients with two statements.

Most appends have no key and expect no last message. In a batch of the write queue, one INSERT and one UPDATE for each
session do the same as a statement for each message, in half the time.

Plan:

1. Find the session that a place continues, and read the scope of each session once. Both are kept for the next groups
   (`Known`), because plain appends change neither.
2. Collect consecutive messages of sessions that need nothing else: a run.
3. Insert them with one statement. Their IDs are consecutive, because only this connection writes.
4. Update the counters of each session once. The order of the sessions is that of their last message.
5. A message of a session without a name, of a crashed one, or of a place that begins or reactivates a session is
   appended by itself, in its place in the order.
6. A run ends before a place is looked up whose newest session the run may change.
"""

from typing import NamedTuple

from segue.errors import SegueError
from segue.models import MAX_INTEGER, Draft
from segue.results import Appended
from segue.store.engine.tx import Tx
from segue.store.engine.write import WriteResult
from segue.store.records import append, resolve, sessions
from segue.store.records.message import row
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.records.resolve import Place
from segue.store.records.sessions import Scope

_SET_COUNTERS = append.SET_COUNTERS.format(**dict.fromkeys(append.COUNTER_PARAMETERS, "?"))
_UPDATE_COUNTERS = f"UPDATE sessions SET {_SET_COUNTERS} WHERE id = ?"
"""SQL: both numbers of tokens are bound twice, because Python 3.14 refuses a sequence for numbered parameters."""

KNOWN_SESSIONS = 1000
"""Sessions: more are not kept for the next groups."""


class PlainAppend(NamedTuple):
    """A message without a key for a session or a place, whatever the last message is."""

    target: str | Place
    """The id of a session, or a place."""
    new: PreparedMessage
    continuity_ms: int = 0
    """Milliseconds: the age at which the session of a place is no longer continued."""


Located = tuple[str, PreparedMessage, bool]
"""A message with the ID of its session, and whether the append continued it. A named tuple would take 0.2 µs more."""

Used = tuple[str, int]
"""The session of a place that was used last, and when, in milliseconds since 1970."""


def is_plain(new: PreparedMessage, options: append.Options) -> bool:
    """Return True if the message has no key and no time of its own, and the options have no conditions."""
    return (
        new.draft.key is None
        and new.draft.created_at is None
        and options.expected_last_id is None
        and options.creation is None
    )


def append_one(tx: Tx, plain: PlainAppend) -> Appended:
    """Append the message by itself.

    Raises:
        NotFound: there is no such session or bot.
    """
    if isinstance(plain.target, str):
        return append.append(tx, plain.target, plain.new)
    return append.append_to_place(tx, plain.target, plain.continuity_ms, plain.new)


def append_group(tx: Tx, group: list[PlainAppend]) -> list[WriteResult]:
    """Append all messages in order and return the result of each. Only an error before any change is that of one."""
    return _Group(tx).append(group)


class Known:
    """The sessions and places that groups read while no other write ran. A plain append changes none of it."""

    def __init__(self) -> None:
        self.scopes: dict[str, Scope] = {}
        """The scopes of named sessions that are not crashed."""
        self.used: dict[tuple[str, str | None], Used] = {}
        """The session that was used last, by bot and directory and by bot and project."""
        self.places: dict[Place, str] = {}
        """The session that each place continued."""

    def forget(self, target: str | Place) -> None:
        """Forget what an append by itself may change."""
        self.used.clear()
        self.places.clear()
        if isinstance(target, str):
            self.scopes.pop(target, None)
        else:
            self.scopes.clear()

    def limit(self) -> None:
        """Forget everything if it is too much."""
        if max(len(self.scopes), len(self.used), len(self.places)) > KNOWN_SESSIONS:
            for kept in (self.scopes, self.used, self.places):
                kept.clear()


class _Group:
    """The messages of a group that are not inserted yet."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._results: list[WriteResult] = []
        self._run: list[Located] = []
        self._known: Known = tx.memory.setdefault("append", Known())

    def append(self, group: list[PlainAppend]) -> list[WriteResult]:
        for plain in group:
            try:
                located = self._locate(plain)
            except SegueError as error:
                self._insert_run()
                self._results.append(WriteResult(None, error, []))
                continue
            if located is not None:
                self._run.append(located)
                continue
            self._insert_run()
            self._known.forget(plain.target)
            single = Tx(self._tx.connection, self._tx.now)
            self._results.append(WriteResult(append_one(single, plain), None, single.emitted))
        self._insert_run()
        self._known.limit()
        return self._results

    def _locate(self, plain: PlainAppend) -> Located | None:
        """Return the message with its session; None if it is to be appended by itself.

        Raises:
            SegueError: there is no such session or bot, or a time in the database cannot be parsed.
        """
        known = self._known
        session_id, place = plain.target, None
        if not isinstance(session_id, str):
            place = session_id
            if (found := self._continued(place, plain.continuity_ms)) is None:
                return None
            session_id = found
        if (scope := known.scopes.get(session_id)) is None:
            scope = sessions.scope(self._tx, session_id)
            if not scope.named or scope.crashed:
                return None
            known.scopes[session_id] = scope
        if place is not None:
            sessions.mark_terminal(self._tx, session_id, place.terminal)
            known.places[place] = session_id
        used = session_id, self._tx.now
        known.used[scope.bot_id, scope.working_dir] = used
        if scope.project != scope.working_dir:
            known.used[scope.bot_id, scope.project] = used
        return session_id, plain.new, place is not None

    def _continued(self, place: Place, continuity_ms: int) -> str | None:
        """Return the id of the active session that the place continues; None if that is not only a matter of reading.

        A message that is not inserted yet makes its session the newest of its place, which no query finds.
        """
        used = self._known.used.get((place.bot_id, place.value))
        if used is not None:
            session_id, used_at = used
            if self._known.places.get(place) == session_id and self._tx.now - used_at < continuity_ms:
                return session_id
            self._insert_run()
        return resolve.find_active(self._tx, place, continuity_ms)

    def _insert_run(self) -> None:
        if self._run:
            self._results += _append_run(self._tx, self._run, self._known.scopes)
            self._run = []


def _append_run(tx: Tx, run: list[Located], scopes: dict[str, Scope]) -> list[WriteResult]:
    at = tx.at
    first_id = row.insert_all(
        tx, [(session_id, *new.columns.values(), resumed, at) for session_id, new, resumed in run]
    )
    by_session: dict[str, list[Draft]] = {}
    for session_id, new, _ in run:
        by_session[session_id] = [*by_session.pop(session_id, ()), new.draft]  # Moved to the end: the order of use.
    counters = [(*_counters(drafts), at, at, id) for id, drafts in by_session.items()]
    if tx.connection.executemany(_UPDATE_COUNTERS, counters).rowcount != len(counters):
        raise AssertionError("a session of a group is gone")
    results = []
    for message_id, (session_id, new, resumed) in enumerate(run, first_id):
        appended = Appended(
            message_id=message_id, session_id=session_id, created_at=at, duplicate=False, resumed=resumed
        )
        event = append.appended_event(tx, scopes[session_id], appended, new)
        results.append(WriteResult(appended, None, [event]))
    return results


def _counters(drafts: list[Draft]) -> tuple[int, ...]:
    """Return the number of drafts, and the tokens of each kind twice."""
    sent = min(sum([draft.input_tokens or 0 for draft in drafts]), MAX_INTEGER)
    received = min(sum([draft.output_tokens or 0 for draft in drafts]), MAX_INTEGER)
    return len(drafts), sent, sent, received, received
