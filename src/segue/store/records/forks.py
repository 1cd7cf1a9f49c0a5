"""Fork a session: create a new one with copies of its messages, up to a given one.

One transaction copies a short session. A long one is copied in slices, so that other writes wait for milliseconds:

1. `plan_copy` divides the messages into slices by number and size.
2. `begin_copy` reserves the id of the copy. No session has this id yet.
3. `copy_slice` copies one slice. A row of `purges` hides the copies from every reader, and removes them after a crash.
4. `reveal_copy` creates the session and deletes that row, unless messages of the original were deleted meanwhile.
"""

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import NamedTuple

from segue.conversation import exchanges
from segue.conversation.parts import tool_calls, tool_results
from segue.models import MAX_INTEGER, Session
from segue.store.engine.tx import Tx
from segue.store.records import messages, session_identity, sessions
from segue.store.records.message import row

SHORT_MESSAGES = 16
"""Messages: one transaction copies a session that has at most this many."""

SLICE_MESSAGES = 500
SLICE_CHARS = 512 * 1024
"""Messages and characters of a slice, which takes about 10 ms. A longer message is a slice of its own."""


class CopiedSlice(NamedTuple):
    """The ids of copied messages, in order, and their tokens."""

    originals: list[int]
    copies: list[int]
    input_tokens: int
    output_tokens: int


def fork(tx: Tx, session_id: str, upto_message_id: int | None, name: str | None) -> Session:
    """Create a session with copies of the messages up to and including one; it is the newest of its directory.

    Messages keep their times and keys. Summaries whose range is copied are copied too. Rows are copied as they are,
    so a damaged one does not make the fork fail.

    Raises:
        NotFound: there is no such session or message.
        InvalidParams: the message is of another session.
    """
    origin = sessions.get(tx, session_id)
    upto = end_of_copy(tx, session_id, upto_message_id)
    created = create_copy(tx, origin, name)
    _copy_messages(tx, session_id, created.id, upto)
    _copy_summaries(tx, session_id, created.id, upto)
    return sessions.emit(tx, "session.created", sessions.get(tx, created.id))


def create_copy(tx: Tx, origin: Session, name: str | None, id: str | None = None) -> Session:
    """Create the session of a fork, without messages and without an event."""
    if name is None and origin.name is not None:
        name = session_identity.fork_name(tx, origin.name)
    return sessions.create(
        tx,
        id=id,
        bot_id=origin.bot_id,
        working_dir=origin.working_dir,
        name=name,
        provider=origin.provider,
        model=origin.model,
        system_prompt=origin.system_prompt,
        project=origin.project,
        tags=origin.tags,
        parent_id=origin.id,
        metadata={**origin.metadata, "forked_from": origin.id},
        emit_event=False,
    )


def end_of_copy(tx: Tx, session_id: str, upto_message_id: int | None) -> int:
    """Return the last id to copy.

    Raises:
        NotFound: there is no such message.
        InvalidParams: the message is of another session.
    """
    if upto_message_id is None:
        return MAX_INTEGER
    messages.require(tx, upto_message_id, session_id, "$.upto_message_id")
    return _end_of_exchange(tx, session_id, upto_message_id)


def _end_of_exchange(tx: Tx, session_id: str, upto: int) -> int:
    """Return the last id to copy, so that the copy does not end within calls that have results only later."""
    answered: set[str] = set()
    for message in islice(messages.backwards_from(tx, session_id, upto), exchanges.UNIT_MESSAGES):
        calls = {call.id for call in tool_calls(message.parts)}
        if calls - answered:
            upto = message.id - 1
        results = {result.id for result in tool_results(message.parts)}
        if not calls and not results:
            break
        answered |= results
    return upto


def _copy_messages(tx: Tx, origin: str, copy: str, upto: int) -> None:
    tx.run(
        f"{row.COPY} WHERE {messages.OF_SESSION} AND id <= :upto ORDER BY id",
        copy=copy,
        session_id=origin,
        held_from=messages.held_from(tx, origin),
        upto=upto,
    )
    # Summed in Python, because SQLite's total() is a float and its sum() fails when it overflows. The counters stop
    # at the largest integer.
    counts = tx.run("SELECT input_tokens, output_tokens FROM messages WHERE session_id = :copy", copy=copy).fetchall()
    tx.run(
        """
        UPDATE sessions SET message_count = :count, input_tokens = :input, output_tokens = :output WHERE id = :copy
        """,
        copy=copy,
        count=len(counts),
        input=min(sum(used or 0 for used, _ in counts), MAX_INTEGER),
        output=min(sum(used or 0 for _, used in counts), MAX_INTEGER),
    )


def _copy_summaries(tx: Tx, origin: str, copy: str, upto: int) -> None:
    """Copy the summaries that end at or before `upto`, with their ranges in ids of the copied messages.

    1. The copies have consecutive ids in the order of the originals, because one statement inserted them.
    2. So the copy of the message with rank N has the first copy's id plus N.
    3. A range begins at the first copied message that it covers and ends at the last one.
    4. If those that it covered were deleted, it is the last copied message before them, so that the context of the
       copy continues after the same message.
    5. If there is none before them either, it keeps its ids, which come before those of all copies.
    """
    first = tx.run("SELECT min(id) FROM messages WHERE session_id = :copy", copy=copy).fetchone()[0]
    rank = f"(SELECT count(*) FROM messages WHERE {messages.OF_SESSION} AND id %s)"
    tx.run(
        f"""
        INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
        SELECT :copy, CASE WHEN upto_end > 0 THEN :first + min(before_start, upto_end - 1) ELSE messages_start END,
               CASE WHEN upto_end > 0 THEN :first + upto_end - 1 ELSE messages_end END,
               token_count, created_at, summary
        FROM (
            SELECT *, {rank % "< messages_start"} AS before_start, {rank % "<= messages_end"} AS upto_end
            FROM summaries WHERE session_id = :session_id AND messages_end <= :upto
        )
        ORDER BY id
        """,
        copy=copy,
        first=first,
        session_id=origin,
        held_from=messages.held_from(tx, origin),
        upto=upto,
    )


def is_short(tx: Tx, session_id: str) -> bool:
    """Return True if one transaction can copy the session."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM messages WHERE session_id = :id LIMIT {SHORT_MESSAGES + 1})"
    return bool(tx.run(sql, id=session_id).fetchone()[0] <= SHORT_MESSAGES)


def plan_copy(tx: Tx, session_id: str, upto_message_id: int | None) -> tuple[int, list[int]]:
    """Return the last id to copy, which is not after now, and the last message id of each slice.

    Raises:
        NotFound: there is no such session or message.
        InvalidParams: the message is of another session.
    """
    sessions.require(tx, session_id)
    upto = end_of_copy(tx, session_id, upto_message_id)
    newest = tx.run("SELECT max(seq) FROM sqlite_sequence WHERE name = 'messages'").fetchone()[0] or 0
    rows = tx.run(
        f"""
        SELECT id, length(content) + coalesce(length(parts), 0) FROM messages
        WHERE {messages.OF_SESSION} AND id <= :upto ORDER BY id
        """,
        session_id=session_id,
        held_from=messages.held_from(tx, session_id),
        upto=upto,
    )
    bounds: list[int] = []
    count, chars = SLICE_MESSAGES, 0
    for id, length in rows:
        if count == SLICE_MESSAGES or chars + length > SLICE_CHARS:
            bounds.append(id)
            count, chars = 0, 0
        bounds[-1] = id
        count, chars = count + 1, chars + length
    return min(upto, newest), bounds


def begin_copy(tx: Tx) -> str:
    """Reserve an id for a copy."""
    copy = session_identity.generate(tx)
    session_identity.retire(tx, copy)
    return copy


def copy_slice(tx: Tx, origin: str, copy: str, after: int, upto: int) -> CopiedSlice:
    """Copy the messages with ids from `after` (exclusive) to `upto`, hidden from every reader."""
    where = f"WHERE {messages.OF_SESSION} AND id > :after AND id <= :upto ORDER BY id"
    values: dict[str, str | int] = {
        "session_id": origin,
        "held_from": messages.held_from(tx, origin),
        "after": after,
        "upto": upto,
    }
    originals = [id for (id,) in tx.run(f"SELECT id FROM messages {where}", **values)]
    if not originals:
        return CopiedSlice([], [], 0, 0)
    tx.run(f"{row.COPY} {where}", copy=copy, **values)
    last = tx.run("SELECT max(id) FROM messages WHERE session_id = :copy", copy=copy).fetchone()[0]
    tx.run(
        """
        INSERT INTO purges (session_id, before_id) VALUES (:copy, :before_id)
        ON CONFLICT (session_id) DO UPDATE SET before_id = excluded.before_id
        """,
        copy=copy,
        before_id=last + 1,
    )
    copies = list(range(last + 1 - len(originals), last + 1))  # One statement inserts consecutive ids.
    counts = tx.run(
        "SELECT input_tokens, output_tokens FROM messages WHERE session_id = :copy AND id >= :first",
        copy=copy,
        first=copies[0],
    ).fetchall()
    return CopiedSlice(originals, copies, sum(used or 0 for used, _ in counts), sum(used or 0 for _, used in counts))


def reveal_copy(
    tx: Tx, session_id: str, upto: int, copy: str, name: str | None, slices: list[CopiedSlice]
) -> Session | None:
    """Create the session of the copy; return None if messages of the original were deleted since they were copied.

    Raises:
        NotFound: the original was deleted.
    """
    origin = sessions.get(tx, session_id)
    originals = [id for part in slices for id in part.originals]
    copies = [id for part in slices for id in part.copies]
    held = tx.run(
        f"SELECT count(*) FROM messages WHERE {messages.OF_SESSION} AND id <= :upto",
        session_id=session_id,
        held_from=messages.held_from(tx, session_id),
        upto=originals[-1] if originals else 0,
    ).fetchone()[0]
    if held != len(originals):
        return None
    tx.run("DELETE FROM purges WHERE session_id = :copy", copy=copy)
    tx.run("DELETE FROM retired_session_ids WHERE id = :copy", copy=copy)
    create_copy(tx, origin, name, copy)
    tx.run(
        """
        UPDATE sessions SET message_count = :count, input_tokens = :input, output_tokens = :output WHERE id = :copy
        """,
        copy=copy,
        count=len(copies),
        input=min(sum(part.input_tokens for part in slices), MAX_INTEGER),
        output=min(sum(part.output_tokens for part in slices), MAX_INTEGER),
    )
    _copy_summaries_by_id(tx, session_id, upto, copy, originals, copies)
    return sessions.emit(tx, "session.created", sessions.get(tx, copy))


def _copy_summaries_by_id(tx: Tx, origin: str, upto: int, copy: str, originals: list[int], copies: list[int]) -> None:
    """Do the same as `_copy_summaries` for copies whose ids are not consecutive."""
    found = tx.run(
        "SELECT id, messages_start, messages_end FROM summaries WHERE session_id = :id AND messages_end <= :upto",
        id=origin,
        upto=upto,
    ).fetchall()
    for id, start, end in sorted(found):
        last = bisect_right(originals, end) - 1
        if last >= 0:
            start, end = copies[min(bisect_left(originals, start), last)], copies[last]
        tx.run(
            """
            INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
            SELECT :copy, :start, :end, token_count, created_at, summary FROM summaries WHERE id = :id
            """,
            copy=copy,
            start=start,
            end=end,
            id=id,
        )
