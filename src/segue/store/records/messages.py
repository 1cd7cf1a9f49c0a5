"""Messages: read in the order of their ids, counted, deleted from the front."""

from collections.abc import Iterator
from typing import Any

import msgspec

from segue.errors import InvalidData, NotFound
from segue.events import MessagesDeleted
from segue.models import Message, Metadata, Order, Parts, Role
from segue.results import MessagePage
from segue.store.engine.rows import wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import purges, sessions
from segue.timestamps import FORMAT

_SELECT = """
    SELECT id, session_id, role, content, parts, token_count, input_tokens, output_tokens, model,
           stop_reason, response_ms, is_summary, key, metadata, created_at
    FROM messages
"""

# Deleted messages that are not yet purged are hidden: of one session by its first id still held, of all
# sessions by a look at each.
_OF_SESSION = "session_id = :session_id AND id >= :held_from"
_OF_ALL = "NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)"

_PAGE = {
    (one, order): f"""
    {_SELECT} WHERE {scope} AND id > :after_id AND id < :before_id
      AND (:since IS NULL OR created_at > :since)
      AND (:roles IS NULL OR instr(:roles, role) > 0)
    ORDER BY id {order} LIMIT :limit OFFSET :offset
    """
    for one, scope in ((True, _OF_SESSION), (False, _OF_ALL))
    for order in ("asc", "desc")
}

PAST_ALL_IDS = 2**63 - 1


_decode_metadata = msgspec.json.Decoder(Metadata).decode
_decode_parts = msgspec.json.Decoder(Parts).decode


def get(tx: Tx, message_id: int) -> Message:
    """The message; NotFound if there is none."""
    row = tx.run(f"{_SELECT} WHERE id = :id AND {_OF_ALL}", id=message_id).fetchone()
    if row is None:
        raise NotFound("message", message_id)
    return to_message(row)


def list_page(
    tx: Tx,
    *,
    session_id: str | None,
    after_id: int | None,
    before_id: int | None,
    since: str | None,
    roles: list[Role] | None,
    limit: int,
    offset: int,
    order: Order,
    answer_bytes: int,
) -> MessagePage:
    """One page of messages; it ends early, but not before its first message, when it outgrows `answer_bytes`."""
    rows = tx.run(
        _PAGE[session_id is not None, order],
        session_id=session_id,
        held_from=held_from(tx, session_id) if session_id is not None else 0,
        after_id=-1 if after_id is None else after_id,
        before_id=PAST_ALL_IDS if before_id is None else before_id,
        since=since,
        roles=None if roles is None else ",".join(roles),
        limit=limit + 1,
        offset=offset,
    )
    page: list[Message] = []
    size = 0
    for row in rows:
        message = to_message(row)
        size += wire_bytes(message)
        if page and (len(page) == limit or size > answer_bytes):
            return MessagePage(messages=page, has_more=True)
        page.append(message)
    return MessagePage(messages=page, has_more=False)


def count(tx: Tx, session_id: str) -> int:
    """How many messages the session holds; NotFound if there is none such."""
    return sessions.get(tx, session_id).message_count


def delete_before(tx: Tx, session_id: str, before_id: int) -> int:
    """How many messages of the session with a smaller id there were; they are gone for every reader at once."""
    scope = sessions.scope(tx, session_id)
    deleted = int(
        tx.run(
            "SELECT count(*) FROM messages WHERE session_id = :session_id AND id >= :held_from AND id < :before_id",
            session_id=session_id,
            held_from=held_from(tx, session_id),
            before_id=before_id,
        ).fetchone()[0]
    )
    if deleted:
        tx.run(
            "UPDATE sessions SET message_count = message_count - :deleted, updated_at = :at WHERE id = :id",
            id=session_id,
            deleted=deleted,
            at=tx.at,
        )
        purges.hide_before(tx, session_id, before_id)
        gone = MessagesDeleted(before_id=before_id, deleted=deleted)
        tx.emit("messages.deleted", gone, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)
    return deleted


def held_from(tx: Tx, session_id: str) -> int:
    """Messages of the session with a smaller id are deleted, though perhaps still in the file."""
    row = tx.run("SELECT before_id FROM purges WHERE session_id = :id", id=session_id).fetchone()
    return int(row[0]) if row else 0


def backwards(tx: Tx, session_id: str, after_id: int) -> Iterator[Message]:
    """The session's messages with a larger id, newest first, read as far as they are taken."""
    rows = tx.run(
        f"{_SELECT} WHERE session_id = :session_id AND id >= :held_from AND id > :after_id ORDER BY id DESC",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
    )
    return (to_message(row) for row in rows)


def newest_summary(tx: Tx, session_id: str, after_id: int) -> Message | None:
    """The newest message with a larger id that is a summary, as clients keep it that compact by messages."""
    row = tx.run(
        f"""
        {_SELECT} WHERE session_id = :session_id AND is_summary AND id >= :held_from AND id > :after_id
        ORDER BY id DESC LIMIT 1
        """,
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
    ).fetchone()
    return None if row is None else to_message(row)


def newest_user_id(tx: Tx, session_id: str, after_id: int) -> int | None:
    """The id of the newest message with a larger id that a user wrote."""
    row = tx.run(
        """
        SELECT max(id) FROM messages
        WHERE session_id = :session_id AND role = 'user' AND id >= :held_from AND id > :after_id
        """,
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
    ).fetchone()
    return None if row[0] is None else int(row[0])


def count_after(tx: Tx, session_id: str, after_id: int) -> int:
    """How many messages with a larger id the session holds."""
    row = tx.run(
        "SELECT count(*) FROM messages WHERE session_id = :session_id AND id >= :held_from AND id > :after_id",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
    ).fetchone()
    return int(row[0])


def to_message(row: tuple[Any, ...]) -> Message:
    """The message in a row of `_SELECT`; InvalidData if it is none.

    Looks at what the table's own types and checks do not hold, and at nothing twice: a page has thousands.
    """
    (id, session_id, role, content, parts, token_count, input_tokens, output_tokens, model,
     stop_reason, response_ms, is_summary, key, metadata, created_at) = row  # fmt: skip
    try:
        values = None if parts is None else _decode_parts(parts), _decode_metadata(metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidData("message", id) from None
    if not FORMAT.fullmatch(created_at):
        raise InvalidData("message", id)
    return Message(
        id=id,
        session_id=session_id,
        role=role,
        content=content,
        parts=values[0],
        token_count=token_count,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        model=model,
        stop_reason=stop_reason,
        response_ms=response_ms,
        is_summary=bool(is_summary),
        key=key,
        metadata=values[1],
        created_at=created_at,
    )
