"""The text that a message is indexed with. A message is removed by repeating it exactly."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from segue.store.engine.tx import Tx
from segue.store.search import tokenizer

SLICE_MESSAGES = 40
"""Messages: the size of a slice, which is added or removed in one transaction. About 3 ms, a client's longest wait."""

SLICE_BYTES = 32 * 1024
"""Bytes: a slice ends after the message that exceeds this."""

COLUMNS = """
    id, session_id, role, created_at, CASE WHEN indexed THEN CAST(parts AS BLOB) END,
    CASE WHEN indexed THEN CAST(content AS BLOB) ELSE x'' END
"""
"""SQL: the columns of an `IndexRow`. A message that is not to be searched has an entry without text."""

_SLICE = f"""
    SELECT {COLUMNS} FROM messages
    WHERE id > :after_id AND id <= :upto ORDER BY id LIMIT :limit
"""
_SLICE_OF_SESSION = f"""
    SELECT {COLUMNS} FROM messages
    WHERE session_id = :session_id AND id >= :from_id AND id < :before_id ORDER BY id LIMIT :limit
"""


class IndexRow(NamedTuple):
    """The columns of a message that the index reads."""

    id: int
    session_id: str
    role: str
    created_at: str
    parts: str | None
    content: str


class SessionAttributes(NamedTuple):
    """The columns of a session that its messages are found by."""

    bot_id: str | None
    working_dir: str | None
    name: str | None


def tag(kind: Literal["s", "b", "d", "r"], value: str) -> str:
    """Return the filter term for a session, bot, directory or role."""
    return kind + (value if kind == "r" else blake2b(value.encode(), digest_size=8).hexdigest())


def as_text(column: bytes | None) -> str | None:
    """Decode a text column that was read as bytes, because invalid UTF-8 must not stop the index."""
    return None if column is None else column.decode(errors="replace")


def slice_after(tx: Tx, after_id: int, upto: int) -> list[IndexRow]:
    """Return the first slice of the messages in a range of ids."""
    return _take_slice(tx.run(_SLICE, after_id=after_id, upto=upto, limit=SLICE_MESSAGES))


def slice_of_session(tx: Tx, session_id: str, from_id: int, before_id: int) -> list[IndexRow]:
    """Return the first slice of a session's messages in a range of ids."""
    rows = tx.run(_SLICE_OF_SESSION, session_id=session_id, from_id=from_id, before_id=before_id, limit=SLICE_MESSAGES)
    return _take_slice(rows)


def _take_slice(rows: Iterable[tuple[Any, ...]]) -> list[IndexRow]:
    """Return the first rows, at least one, up to `SLICE_BYTES`."""
    taken: list[IndexRow] = []
    size = 0
    for id, session_id, role, created_at, parts, content in rows:
        row = IndexRow(id, session_id, role, created_at, as_text(parts), content.decode(errors="replace"))
        taken.append(row)
        size += len(row.content) + len(row.parts or "")
        if size > SLICE_BYTES:
            break
    return taken


def add(tx: Tx, row: IndexRow, attributes: SessionAttributes) -> int:
    """Add a message to the index and return its number of words."""
    text, tags = _texts(row, attributes)
    tx.run("INSERT INTO message_words (rowid, words, tags) VALUES (:id, :text, :tags)", id=row.id, text=text, tags=tags)
    return len(text.split()) + len(tags.split())


def remove(tx: Tx, row: IndexRow, attributes: SessionAttributes) -> int:
    """Remove a message from the index and return its number of words."""
    text, tags = _texts(row, attributes)
    tx.run(
        "INSERT INTO message_words (message_words, rowid, words, tags) VALUES ('delete', :id, :text, :tags)",
        id=row.id,
        text=text,
        tags=tags,
    )
    return len(text.split()) + len(tags.split())


def _texts(row: IndexRow, attributes: SessionAttributes) -> tuple[str, str]:
    tags = [tag("s", row.session_id), tag("r", row.role)]
    if attributes.bot_id is not None:
        tags.append(tag("b", attributes.bot_id))
    if attributes.working_dir is not None:
        tags.append(tag("d", attributes.working_dir))
    return tokenizer.index_text(row.content, row.parts, attributes.name), " ".join(tags)
