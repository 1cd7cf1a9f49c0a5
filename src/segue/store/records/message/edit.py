"""Change and delete single messages, in the table, the search index and the session."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from segue.conversation.parts import text_of
from segue.errors import Conflict, TooLarge
from segue.events import MessagesDeleted
from segue.models import MAX_INTEGER, Message
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions
from segue.store.records.message import row
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.records.session_identity import name_from
from segue.store.search import index, index_entries
from segue.store.search.index_entries import SLICE_MESSAGES, IndexRow, as_text
from segue.timestamps import milliseconds

_INDEXED = ("role", "content", "parts", "indexed", "state")
"""The columns that the entry of the search index depends on."""

_INDEX_ROWS = f"""
    SELECT {index_entries.COLUMNS}, CAST(content AS BLOB)
    FROM messages WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id
"""


def update(tx: Tx, message_id: int, changes: dict[str, Any], content_bytes: int = MAX_INTEGER) -> Message:
    """Set the columns that `changes` names, with parts and metadata as JSON text, and return the message.

    The old text is removed from the search index, and from the session's name if that was generated from it. Empty
    content becomes the text of the parts, and content that was the text of the old parts that of the new ones.

    Raises:
        NotFound: there is no such message.
        Conflict: the text of a message is changed while it is being streamed (`state`).
        InvalidData: the row cannot be decoded.
        TooLarge: content, parts and metadata together are larger than `content_bytes`.
    """
    message = messages.get(tx, message_id)
    if not changes:
        return message
    if message.state == "streaming":
        if "state" not in changes and ("content" in changes or "parts" in changes):
            raise Conflict(f"message {message_id} is being streamed", reason="state", state=message.state)
        if changes.get("state", message.state) != message.state:
            changes = {"content": message.content, **changes}
    if _content_is_text_of_parts(message, changes):
        parts = msgspec.json.decode(changes["parts"] or "[]") if "parts" in changes else message.parts or []
        changes = {**changes, "content": text_of(parts)}
    _change(tx, message, changes)
    changed = messages.get(tx, message_id)
    if (total := size(tx, message_id)) > content_bytes:
        raise TooLarge(f"content, parts and metadata have {total} bytes", limit=content_bytes)
    emit_updated(tx, changed)
    return changed


def _content_is_text_of_parts(message: Message, changes: dict[str, Any]) -> bool:
    if "content" in changes:
        return not changes["content"]
    return "parts" in changes and message.content in ("", text_of(message.parts or []))


def replace_in_place(tx: Tx, message_id: int, new: PreparedMessage) -> None:
    """Replace everything but the message's id, key and time of creation."""
    update(tx, message_id, {name: new.columns[name] for name in row.CHANGEABLE})


def delete(tx: Tx, session_id: str, *, message_ids: list[int] | None, keys: list[str] | None) -> int:
    """Delete the session's messages that have one of the ids or keys, and return their number.

    Raises:
        NotFound: there is no such session.
    """
    sessions.require(tx, session_id)
    column, wanted = ("id", message_ids) if keys is None else ("key", keys)
    found = tx.run(
        f"""
        SELECT id FROM messages WHERE {messages.OF_SESSION} AND {column} IN (SELECT value FROM json_each(:wanted))
        ORDER BY id
        """,
        session_id=session_id,
        held_from=messages.held_from(tx, session_id),
        wanted=json.dumps(wanted),
    )
    ids = [id for (id,) in found]
    delete_ids(tx, session_id, ids)
    return len(ids)


def delete_ids(tx: Tx, session_id: str, ids: list[int]) -> None:
    """Delete messages that the session holds, and emit one event for all of them."""
    if not ids:
        return
    for start in range(0, len(ids), SLICE_MESSAGES):
        part = json.dumps(ids[start : start + SLICE_MESSAGES])
        index.remove_rows(tx, [index_row for index_row, _ in _index_rows(tx, part)])
        tx.run("DELETE FROM messages WHERE id IN (SELECT value FROM json_each(:ids))", ids=part)
    sessions.count_deleted(tx, session_id, len(ids))
    scope = sessions.scope(tx, session_id)
    event = MessagesDeleted(message_ids=ids, deleted=len(ids))
    tx.emit("messages.deleted", event, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)


def size(tx: Tx, message_id: int) -> int:
    """Return the bytes of a message's content, parts and metadata together."""
    sql = f"SELECT {row.CONTENT}, coalesce(parts, ''), nullif(metadata, '{{}}') FROM messages WHERE id = :id"
    return sum(len((text or "").encode()) for text in tx.run(sql, id=message_id).fetchone())


def _change(tx: Tx, message: Message, changes: dict[str, Any]) -> None:
    renamed = any(name in changes for name in _INDEXED) and change_index_and_name(tx, message.id, changes)
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    at = None if message.state == "streaming" else sessions.later(tx, message.updated_at)  # Its end is no edit.
    if message.state == "streaming" and "content" in changes:
        tx.run("DELETE FROM message_pieces WHERE message_id = :id", id=message.id)
    tx.run(f"UPDATE messages SET {assignments}, updated_at = :at WHERE id = :id", id=message.id, at=at, **changes)
    added = {
        name: max(0, (changes.get(name) or 0) - (getattr(message, name) or 0))
        for name in ("input_tokens", "output_tokens")
    }
    tx.run(
        f"""
        UPDATE sessions
        SET input_tokens = min(input_tokens, {MAX_INTEGER} - :input_tokens) + :input_tokens,
            output_tokens = min(output_tokens, {MAX_INTEGER} - :output_tokens) + :output_tokens,
            updated_at = max(updated_at, :at)
        WHERE id = :id
        """,
        id=message.session_id,
        at=tx.at,
        **added,
    )
    if renamed:
        sessions.emit_if_valid(tx, "session.updated", message.session_id)


def change_index_and_name(tx: Tx, message_id: int, changes: dict[str, Any]) -> bool:
    """Replace the old text in the search index and in a name that was generated from it.

    Call this before the row is changed. Return True if the session's name changed.
    """
    (old, old_content), *_ = _index_rows(tx, json.dumps([message_id]))
    values = tx.run("SELECT CAST(parts AS BLOB), indexed, state FROM messages WHERE id = :id", id=message_id).fetchone()
    content = changes.get("content", old_content)
    parts = changes["parts"] if "parts" in changes else as_text(values[0])
    indexed = changes.get("indexed", values[1]) and changes.get("state", values[2]) != "streaming"
    new = old._replace(
        role=changes.get("role", old.role), parts=parts if indexed else None, content=content if indexed else ""
    )
    if new != old:
        index.replace(tx, old, new)
    with suppress(ValueError):  # Another program wrote a time that gives no name.
        moment = milliseconds(old.created_at)
        old_name, new_name = name_from(old_content, moment), name_from(content, moment)
        if old_name is not None and old_name != new_name:
            sql = "UPDATE sessions SET name = :new WHERE id = :id AND name = :old"
            return tx.run(sql, id=old.session_id, old=old_name, new=new_name).rowcount > 0
    return False


def _index_rows(tx: Tx, ids: str) -> Iterator[tuple[IndexRow, str]]:
    """Yield each message as the search index reads it, and its whole content."""
    for id, session_id, role, created_at, parts, indexed_content, content in tx.run(_INDEX_ROWS, ids=ids):
        texts = as_text(parts), as_text(indexed_content) or ""
        yield IndexRow(id, session_id, role, created_at, *texts), as_text(content) or ""


def emit_updated(tx: Tx, message: Message) -> None:
    """Emit the event of a changed message."""
    scope = sessions.scope(tx, message.session_id)
    tx.emit(
        "message.updated",
        message,
        session_id=message.session_id,
        working_dir=scope.working_dir,
        bot_id=scope.bot_id,
    )
