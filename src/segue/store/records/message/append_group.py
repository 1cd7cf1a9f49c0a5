"""Append many messages of different clients with two statements.

Most appends name a session, have no key and expect no last message. In a batch of the write queue, one INSERT and one
UPDATE for each session do the same as a statement for each message, in half the time.

Plan:

1. Read the scope of each session once.
2. Collect consecutive messages of sessions that need nothing else.
3. Insert them with one statement. Their IDs are consecutive, because only this connection writes.
4. Update the counters of each session once. The order of the sessions is that of their last message.
5. A message of a session without a name, or of a crashed one, is appended by itself, in its place in the order.
"""

from typing import NamedTuple

from segue.errors import NotFound
from segue.models import MAX_INTEGER, Draft
from segue.results import Appended
from segue.store.engine.tx import Tx
from segue.store.engine.write import WriteResult
from segue.store.records import append, sessions
from segue.store.records.message import row
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.records.sessions import Scope

_SET_COUNTERS = append.SET_COUNTERS.format(
    count=":count", input_tokens=":input_tokens", output_tokens=":output_tokens", newest=":at", at=":at"
)
_UPDATE_COUNTERS = f"UPDATE sessions SET {_SET_COUNTERS} WHERE id = :id"


class PlainAppend(NamedTuple):
    """A message without a key for a session, whatever its last message is."""

    session_id: str
    new: PreparedMessage


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
        NotFound: there is no such session.
    """
    return append.append(tx, plain.session_id, plain.new)


def append_group(tx: Tx, group: list[PlainAppend]) -> list[WriteResult]:
    """Append all messages in order and return the result of each. Only a missing session is an error of one."""
    scopes: dict[str, Scope] = {}
    results: list[WriteResult] = []
    run: list[PlainAppend] = []
    for plain in group:
        scope = scopes.get(plain.session_id) or sessions.find_scope(tx, plain.session_id)
        if scope is not None and scope.named and not scope.crashed:
            scopes[plain.session_id] = scope
            run.append(plain)
            continue
        results += _append_run(tx, run, scopes)
        run = []
        if scope is None:
            results.append(WriteResult(None, NotFound("session", plain.session_id), []))
        else:
            single = Tx(tx.connection, tx.now)
            results.append(WriteResult(append_one(single, plain), None, single.emitted))
    return results + _append_run(tx, run, scopes)


def _append_run(tx: Tx, run: list[PlainAppend], scopes: dict[str, Scope]) -> list[WriteResult]:
    if not run:
        return []
    connection, at = tx.connection, tx.at
    connection.executemany(
        row.INSERT_VALUES, [(session_id, *new.columns.values(), False, at) for session_id, new in run]
    )
    first_id = connection.execute("SELECT last_insert_rowid()").fetchone()[0] - len(run) + 1
    by_session: dict[str, list[Draft]] = {}
    for session_id, new in run:
        by_session[session_id] = [*by_session.pop(session_id, ()), new.draft]  # Moved to the end: the order of use.
    connection.executemany(_UPDATE_COUNTERS, [_counters(id, drafts, at) for id, drafts in by_session.items()])
    results = []
    for message_id, (session_id, new) in enumerate(run, first_id):
        appended = Appended(message_id=message_id, session_id=session_id, created_at=at, duplicate=False, resumed=False)
        event = append.appended_event(tx, scopes[session_id], appended, new)
        results.append(WriteResult(appended, None, [event]))
    return results


def _counters(session_id: str, drafts: list[Draft], at: str) -> dict[str, int | str]:
    return {
        "id": session_id,
        "count": len(drafts),
        "input_tokens": min(sum([draft.input_tokens or 0 for draft in drafts]), MAX_INTEGER),
        "output_tokens": min(sum([draft.output_tokens or 0 for draft in drafts]), MAX_INTEGER),
        "at": at,
    }
