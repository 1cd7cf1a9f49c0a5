"""Fork a session: create a new one with copies of its messages, up to a given one."""

from itertools import islice

from segue import exchanges
from segue.errors import InvalidParams
from segue.models import MAX_INTEGER, Session
from segue.parts import tool_calls, tool_results
from segue.store.engine.tx import Tx
from segue.store.records import messages, session_identity, sessions
from segue.store.records.message import row


def fork(tx: Tx, session_id: str, upto_message_id: int | None, name: str | None) -> Session:
    """Create a session with copies of the messages up to and including one; it is the newest of its directory.

    Messages keep their times and keys. Summaries whose range is copied are copied too. Rows are copied as they are,
    so a damaged one does not make the fork fail.

    Raises:
        NotFound: there is no such session or message.
        InvalidParams: the message is of another session.
    """
    origin = sessions.get(tx, session_id)
    if upto_message_id is not None and messages.session_of(tx, upto_message_id) != session_id:
        raise InvalidParams("a message of another session", path="$.upto_message_id")
    upto = MAX_INTEGER if upto_message_id is None else _end_of_exchange(tx, session_id, upto_message_id)
    if name is None and origin.name is not None:
        name = session_identity.fork_name(tx, origin.name)
    created = sessions.create(
        tx,
        bot_id=origin.bot_id,
        working_dir=origin.working_dir,
        name=name,
        provider=origin.provider,
        model=origin.model,
        system_prompt=origin.system_prompt,
        project=origin.project,
        tags=origin.tags,
        parent_id=session_id,
        metadata={**origin.metadata, "forked_from": session_id},
        emit_event=False,
    )
    _copy_messages(tx, session_id, created.id, upto)
    _copy_summaries(tx, session_id, created.id, upto)
    return sessions.emit(tx, "session.created", sessions.get(tx, created.id))


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
    4. A summary that covers no copied message keeps its ids, which come before those of all copies.
    """
    first = tx.run("SELECT min(id) FROM messages WHERE session_id = :copy", copy=copy).fetchone()[0]
    rank = f"(SELECT count(*) FROM messages WHERE {messages.OF_SESSION} AND id %s)"
    tx.run(
        f"""
        INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
        SELECT :copy, CASE WHEN covered THEN :first + before_start ELSE messages_start END,
               CASE WHEN covered THEN :first + upto_end - 1 ELSE messages_end END, token_count, created_at, summary
        FROM (
            SELECT *, {rank % "< messages_start"} AS before_start, {rank % "<= messages_end"} AS upto_end,
                   {rank % "<= messages_end"} > 0 AS covered
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
