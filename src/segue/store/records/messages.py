"""Read messages in the order of their ids, count them, and delete the oldest."""

from collections.abc import Iterator

from segue.errors import NotFound
from segue.events import MessagesDeleted
from segue.models import MAX_INTEGER, Message, Order, Role
from segue.results import MessagePage
from segue.store.engine.rows import fetch_row, iterate_valid, wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import purges, sessions
from segue.store.records.message_row import SELECT, to_message

# Hides messages that are deleted but not yet purged. One session has one first id; all sessions need a lookup each.
OF_SESSION = "session_id = :session_id AND id >= :held_from"
OF_ALL = "NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)"

_PAGE = {
    (of_session, order): f"""
    FROM messages WHERE {scope} AND id > :after_id AND id < :before_id
      AND (:since IS NULL OR created_at > :since)
      AND (:roles IS NULL OR instr(:roles, role) > 0)
    ORDER BY id {order} LIMIT :limit OFFSET :offset
    """
    for of_session, scope in ((True, OF_SESSION), (False, OF_ALL))
    for order in ("asc", "desc")
}


def get(tx: Tx, message_id: int) -> Message:
    """Return the message.

    Raises:
        NotFound: there is no such message.
        InvalidData: the row cannot be decoded.
    """
    row = fetch_row(tx, "message", message_id, f"{SELECT} WHERE id = :id AND {OF_ALL}", id=message_id)
    if row is None:
        raise NotFound("message", message_id)
    return to_message(row)


def session_of(tx: Tx, message_id: int) -> str:
    """Return the id of the message's session.

    Raises:
        NotFound: there is no such message.
    """
    row = tx.run(f"SELECT session_id FROM messages WHERE id = :id AND {OF_ALL}", id=message_id).fetchone()
    if row is None:
        raise NotFound("message", message_id)
    return str(row[0])


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
    """Return one page of messages; it ends early, after its first message, when it exceeds `answer_bytes`."""
    found = _iterate(
        tx,
        _PAGE[session_id is not None, order],
        session_id=session_id,
        held_from=held_from(tx, session_id) if session_id is not None else 0,
        after_id=-1 if after_id is None else after_id,
        before_id=MAX_INTEGER if before_id is None else before_id,
        since=since,
        roles=None if roles is None else ",".join(roles),
        limit=limit + 1,
        offset=offset,
    )
    page: list[Message] = []
    size = 0
    for number, message in enumerate(found):
        if number == limit:
            return MessagePage(messages=page, has_more=True)
        if message is None:
            continue
        size += wire_bytes(message)
        if page and size > answer_bytes:
            return MessagePage(messages=page, has_more=True)
        page.append(message)
    return MessagePage(messages=page, has_more=False)


def count(tx: Tx, session_id: str) -> int:
    """Return the number of messages that the session holds.

    Raises:
        NotFound: there is no such session.
    """
    row = tx.run("SELECT message_count FROM sessions WHERE id = :id", id=session_id).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    return int(row[0])


def delete_before(tx: Tx, session_id: str, before_id: int) -> int:
    """Delete the session's messages with a smaller id and return their number.

    Readers see the deletion with the commit; the rows are purged later.
    """
    scope = sessions.scope(tx, session_id)
    deleted = int(
        tx.run(
            f"SELECT count(*) FROM messages WHERE {OF_SESSION} AND id < :before_id",
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
        event = MessagesDeleted(before_id=before_id, deleted=deleted)
        tx.emit("messages.deleted", event, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)
    return deleted


def held_from(tx: Tx, session_id: str) -> int:
    """Return the smallest id that a message of the session can have; smaller ids are deleted."""
    row = tx.run("SELECT before_id FROM purges WHERE session_id = :id", id=session_id).fetchone()
    return int(row[0]) if row else 0


def backwards(tx: Tx, session_id: str, after_id: int) -> Iterator[Message]:
    """Yield the session's messages with a larger id, newest first, without the ones that cannot be decoded."""
    return _after(tx, session_id, after_id, "")


def forwards(tx: Tx, session_id: str, after_id: int, upto: int) -> Iterator[Message]:
    """Yield the session's messages with a larger id up to another one, without the ones that cannot be decoded."""
    found = _iterate(
        tx,
        f"FROM messages WHERE {OF_SESSION} AND id > :after_id AND id <= :upto ORDER BY id",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
        upto=upto,
    )
    return (message for message in found if message is not None)


def backwards_from(tx: Tx, session_id: str, upto: int) -> Iterator[Message]:
    """Yield the session's messages up to an id, newest first, without the ones that cannot be decoded."""
    return _after(tx, session_id, -1, "AND id <= :upto", upto=upto)


def user_messages_backwards(tx: Tx, session_id: str, after_id: int) -> Iterator[Message]:
    """Yield the session's user messages with a larger id, newest first, without the ones that cannot be decoded."""
    return _after(tx, session_id, after_id, "AND role = 'user'")


def newest_summary(tx: Tx, session_id: str, after_id: int) -> Message | None:
    """Return the newest message with a larger id that is a summary."""
    return next(_after(tx, session_id, after_id, "AND is_summary"), None)


def count_after(tx: Tx, session_id: str, after_id: int) -> int:
    """Return the number of messages with a larger id that the session holds."""
    row = tx.run(
        f"SELECT count(*) FROM messages WHERE {OF_SESSION} AND id > :after_id",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
    ).fetchone()
    return int(row[0])


def _after(tx: Tx, session_id: str, after_id: int, condition: str, **values: int) -> Iterator[Message]:
    found = _iterate(
        tx,
        f"FROM messages WHERE {OF_SESSION} AND id > :after_id {condition} ORDER BY id DESC",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
        **values,
    )
    return (message for message in found if message is not None)


def _iterate(tx: Tx, source: str, **values: str | int | None) -> Iterator[Message | None]:
    columns, _, _ = SELECT.partition(" FROM ")
    return iterate_valid(
        tx, "message", to_message, f"{columns} {source}", f"SELECT id {source}", f"{SELECT} WHERE id = :rowid", **values
    )
