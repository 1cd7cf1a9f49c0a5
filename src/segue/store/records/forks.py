"""Forks: a new session with copies of another one's messages, as far as wanted."""

from bisect import bisect_left

from segue.errors import InvalidParams
from segue.models import MAX_INTEGER, Session
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions


def fork(tx: Tx, session_id: str, upto_message_id: int | None, name: str | None) -> Session:
    """A new session, the newest of its directory, with copies of the messages up to and including one.

    Messages keep their times and keys; summaries whose range is copied come along. Raises NotFound for an unknown
    session or message, InvalidParams for a message of another session.
    """
    origin = sessions.get(tx, session_id)
    if upto_message_id is not None and messages.get(tx, upto_message_id).session_id != session_id:
        raise InvalidParams("a message of another session", path="$.upto_message_id")
    upto = messages.PAST_ALL_IDS if upto_message_id is None else upto_message_id
    made = sessions.create(
        tx,
        bot_id=origin.bot_id,
        working_dir=origin.working_dir,
        name=name if name is not None else origin.name,
        provider=origin.provider,
        model=origin.model,
        system_prompt=origin.system_prompt,
        metadata={**origin.metadata, "forked_from": session_id},
        quiet=True,
    )
    held_from = messages.held_from(tx, session_id)
    _copy_messages(tx, session_id, made.id, held_from, upto)
    _copy_summaries(tx, session_id, made.id, held_from, upto)
    return sessions.tell(tx, "session.created", sessions.get(tx, made.id))


def _copy_messages(tx: Tx, origin: str, copy: str, held_from: int, upto: int) -> None:
    tx.run(
        """
        INSERT INTO messages (session_id, role, is_summary, token_count, input_tokens, output_tokens, response_ms,
                              model, stop_reason, key, created_at, metadata, parts, content)
        SELECT :copy, role, is_summary, token_count, input_tokens, output_tokens, response_ms,
               model, stop_reason, key, created_at, metadata, parts, content
        FROM messages WHERE session_id = :origin AND id >= :held_from AND id <= :upto ORDER BY id
        """,
        copy=copy,
        origin=origin,
        held_from=held_from,
        upto=upto,
    )
    # total() is a float and sum() fails when it overflows; the counters stop at the largest integer instead.
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


def _copy_summaries(tx: Tx, origin: str, copy: str, held_from: int, upto: int) -> None:
    """A summary's range is of message ids, and each message's copy has an id of its own, in the same order.

    A summary of messages that are deleted keeps its ids: they come before those of all copies, as they should.
    """
    rows = tx.run(
        """
        SELECT messages_start, messages_end, token_count, created_at, summary FROM summaries
        WHERE session_id = :origin AND messages_end <= :upto ORDER BY id
        """,
        origin=origin,
        upto=upto,
    ).fetchall()
    if not rows:
        return
    old, new = _ids(tx, origin, held_from), _ids(tx, copy, 0)
    for start, end, token_count, created_at, summary in rows:
        covers = bool(old) and end >= old[0]
        tx.run(
            """
            INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
            VALUES (:copy, :start, :end, :token_count, :created_at, :summary)
            """,
            copy=copy,
            start=new[bisect_left(old, start)] if covers else start,  # the first still held, if it is deleted
            end=new[bisect_left(old, end)] if covers else end,
            token_count=token_count,
            created_at=created_at,
            summary=summary,
        )


def _ids(tx: Tx, session_id: str, held_from: int) -> list[int]:
    rows = tx.run(
        "SELECT id FROM messages WHERE session_id = :id AND id >= :held_from ORDER BY id",
        id=session_id,
        held_from=held_from,
    )
    return [id for (id,) in rows]
