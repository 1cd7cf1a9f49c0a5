"""Read messages in the order of their ids, count them, and delete the oldest."""

import json
from collections.abc import Iterator

from segue.errors import InvalidParams, NotFound
from segue.events import MessagesDeleted
from segue.models import Message
from segue.store.engine.rows import iterate_valid
from segue.store.engine.tx import Tx
from segue.store.records import purges, sessions
from segue.store.records.message import from_user
from segue.store.records.message.row import SELECT, SELECTED, converter

# Hides messages that are deleted but not yet purged. One session has one first id; all sessions need a lookup each.
OF_SESSION = "session_id = :session_id AND id >= :held_from"
OF_ALL = "NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)"


def get(tx: Tx, message_id: int) -> Message:
    """Return the message.

    Raises:
        NotFound: there is no such message.
        InvalidData: the row cannot be decoded.
    """
    row = tx.run(f"{SELECT} WHERE id = :id AND {OF_ALL}", id=message_id).fetchone()
    if row is None:
        raise NotFound("message", message_id)
    return converter(tx)(row)


def owner(tx: Tx, message_id: int) -> str:
    """Return the id of the session that a row belongs to, even if the message is deleted and not yet purged."""
    return str(tx.run("SELECT session_id FROM messages WHERE id = :id", id=message_id).fetchone()[0])


def require(tx: Tx, message_id: int, session_id: str | None, path: str) -> None:
    """Check that the message exists and belongs to the session; None accepts any. `path` names the parameter.

    Raises:
        NotFound: there is no such message.
        InvalidParams: the message is of another session.
    """
    row = tx.run(f"SELECT session_id FROM messages WHERE id = :id AND {OF_ALL}", id=message_id).fetchone()
    if row is None:
        raise NotFound("message", message_id)
    if session_id not in (None, row[0]):
        raise InvalidParams(f"message {message_id} belongs to session {row[0]!r}", path=path)


def count(tx: Tx, session_id: str) -> int:
    """Return the number of messages that the session holds.

    Raises:
        NotFound: there is no such session.
    """
    sessions.require(tx, session_id)
    return count_if_any(tx, session_id)


def count_if_any(tx: Tx, session_id: str) -> int:
    """Return the number of messages that the session holds, 0 if there is no such session."""
    row = tx.run("SELECT message_count FROM sessions WHERE id = :id", id=session_id).fetchone()
    return int(row[0]) if row else 0


def delete_before(tx: Tx, session_id: str, before_id: int) -> int:
    """Delete the session's messages with a smaller id and return their number.

    Readers see the deletion with the commit; the rows are purged later.
    """
    scope = sessions.scope(tx, session_id)
    row = tx.run(
        f"SELECT count(*) FROM messages WHERE {OF_SESSION} AND id < :before_id",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        before_id=before_id,
    ).fetchone()
    deleted = int(row[0])
    if deleted:
        sessions.count_deleted(tx, session_id, deleted)
        purges.hide_before(tx, session_id, before_id)
        event = MessagesDeleted(before_id=before_id, deleted=deleted)
        tx.emit("messages.deleted", event, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)
    return deleted


def held_from(tx: Tx, session_id: str) -> int:
    """Return the smallest id that a message of the session can have; smaller ids are deleted."""
    row = tx.run("SELECT before_id FROM purges WHERE session_id = :id", id=session_id).fetchone()
    return int(row[0]) if row else 0


def first_id(tx: Tx, session_id: str) -> int:
    """Return the id of the session's oldest message, 0 if there is none."""
    return _edge_id(tx, session_id, "min")


def newest_id(tx: Tx, session_id: str) -> int:
    """Return the id of the session's newest message, 0 if there is none."""
    return _edge_id(tx, session_id, "max")


def newest_ids(tx: Tx, session_id: str, *, from_id: int | None, last: int | None) -> list[int]:
    """Return the ids of the session's messages from `from_id` on, or of the `last` newest ones, in order."""
    rows = tx.run(
        f"SELECT id FROM messages WHERE {OF_SESSION} AND id >= :from_id ORDER BY id DESC LIMIT :last",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        from_id=from_id or 0,
        last=-1 if last is None else last,
    )
    return [id for (id,) in rows][::-1]


def backwards(tx: Tx, session_id: str, after_id: int) -> Iterator[Message]:
    """Yield the messages after one in the conversation, newest first, without the ones that cannot be decoded."""
    return _after(tx, session_id, after_id, "")


def conversation(tx: Tx, session_id: str, condition: str = "TRUE", **values: str | int | None) -> list[int] | None:
    """Return the ids of the session's messages that fulfill a condition, in the order of the conversation.

    None means that it is the order of the ids, because all messages are of this machine.
    """
    if tx.run("SELECT 1 FROM sync_runs WHERE session_id = :id", id=session_id).fetchone() is None:
        return None
    rows = tx.run(
        f"""
        SELECT messages.id FROM messages CROSS JOIN sync_order AS o ON o.id = messages.id
        WHERE messages.id IN (SELECT id FROM messages WHERE {OF_SESSION} AND {condition})
        ORDER BY o.run, o.machine, o.oid
        """,
        session_id=session_id,
        held_from=held_from(tx, session_id),
        **values,
    )
    return [id for (id,) in rows]


def forwards(tx: Tx, session_id: str, after_id: int, upto: int) -> Iterator[Message]:
    """Yield the messages after one in the conversation, with ids up to `upto`, but none that cannot be decoded."""
    if (ids := conversation(tx, session_id, "id <= :upto", upto=upto)) is not None:
        rest = ids[ids.index(after_id) + 1 :] if after_id in ids else ids
        return (message for message in iterate_in_order(tx, rest) if message is not None)
    found = iterate(
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
    if conversation(tx, session_id) is not None:
        yield from _after(tx, session_id, after_id, "AND role = 'user'")
        return
    for first, last in from_user.ranges_backwards(tx, session_id):
        found = "AND role = 'user' AND id BETWEEN :first AND :last"
        yield from _after(tx, session_id, after_id, found, first=first, last=last)


def newest_summary(tx: Tx, session_id: str, after_id: int) -> Message | None:
    """Return the newest message with a larger id that is a summary."""
    return next(_after(tx, session_id, after_id, "AND is_summary"), None)


def count_after(tx: Tx, session_id: str, after_id: int) -> int:
    """Return the number of messages after one in the conversation."""
    order = conversation(tx, session_id)
    if order is not None:
        return len(order) - (order.index(after_id) + 1 if after_id in order else 0)
    row = tx.run(
        f"SELECT count(*) FROM messages WHERE {OF_SESSION} AND id > :after_id",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
    ).fetchone()
    return int(row[0])


def iterate(tx: Tx, source: str, **values: str | int | None) -> Iterator[Message | None]:
    """Yield the messages of a FROM clause, and None for each row that cannot be decoded."""
    return iterate_valid(tx, converter(tx), f"{SELECTED} {source}", **values)


def iterate_ids(tx: Tx, ids: list[int]) -> Iterator[Message | None]:
    """Yield the messages with the ids in order, and None for each row that cannot be decoded."""
    source = "FROM messages WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id"
    return iterate(tx, source, ids=json.dumps(ids))


def iterate_in_order(tx: Tx, ids: list[int]) -> Iterator[Message | None]:
    """Yield the messages in the order of the given ids, and None for each row that cannot be decoded."""
    source = "FROM wanted CROSS JOIN messages ON id = message_id ORDER BY position"
    wanted = "WITH wanted (position, message_id) AS (SELECT key, value FROM json_each(:ids))"
    return iterate_valid(tx, converter(tx), f"{wanted} {SELECTED} {source}", ids=json.dumps(ids))


def _edge_id(tx: Tx, session_id: str, function: str) -> int:
    row = tx.run(
        f"SELECT {function}(id) FROM messages WHERE {OF_SESSION}",
        session_id=session_id,
        held_from=held_from(tx, session_id),
    ).fetchone()
    return row[0] or 0


def _after(tx: Tx, session_id: str, after_id: int, condition: str, **values: int) -> Iterator[Message]:
    order = conversation(tx, session_id)
    if order is not None:
        rest = order[order.index(after_id) + 1 :] if after_id in order else order
        kept = set(conversation(tx, session_id, f"TRUE {condition}", **values) or [])
        backwards = [id for id in rest[::-1] if id in kept]
        return (message for message in iterate_in_order(tx, backwards) if message is not None)
    found = iterate(
        tx,
        f"FROM messages WHERE {OF_SESSION} AND id > :after_id {condition} ORDER BY id DESC",
        session_id=session_id,
        held_from=held_from(tx, session_id),
        after_id=after_id,
        **values,
    )
    return (message for message in found if message is not None)
