"""A message as an entry of the search index: put in, and taken out letter by letter as it was put in."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from segue.store.engine.tx import Tx
from segue.store.search import tokenizer

SLICE_MESSAGES = 40
"""Messages put in or taken out in one transaction: about 3 ms, the most a client should wait for it."""

SLICE_BYTES = 32 * 1024
"""Bytes after which a slice ends sooner."""

_SLICE = """
    SELECT id, session_id, role, created_at, CAST(parts AS BLOB), CAST(content AS BLOB) FROM messages
    WHERE id > :after_id AND id <= :upto ORDER BY id LIMIT :limit
"""
_SLICE_OF_SESSION = """
    SELECT id, session_id, role, created_at, CAST(parts AS BLOB), CAST(content AS BLOB) FROM messages
    WHERE session_id = :session_id AND id >= :from_id AND id < :before_id ORDER BY id LIMIT :limit
"""


class Row(NamedTuple):
    """What the index needs of a message."""

    id: int
    session_id: str
    role: str
    created_at: str
    parts: str | None
    content: str


class Setting(NamedTuple):
    """As what messages are found that say nothing of it themselves."""

    bot_id: str | None
    working_dir: str | None
    name: str | None


def tag(kind: Literal["s", "b", "d", "r"], value: str) -> str:
    """A word for a session, bot, directory or role, to filter by."""
    return kind + (value if kind == "r" else blake2b(value.encode(), digest_size=8).hexdigest())


def as_text(column: bytes | None) -> str | None:
    """A text column read as bytes: what is no UTF-8 must not stop the index."""
    return None if column is None else column.decode(errors="replace")


def slice_after(tx: Tx, after_id: int, upto: int) -> list[Row]:
    """The first messages in a range of ids, as many as make a slice."""
    return _take_slice(tx.run(_SLICE, after_id=after_id, upto=upto, limit=SLICE_MESSAGES))


def _take_slice(rows: Iterable[tuple[Any, ...]]) -> list[Row]:
    """The first rows, at least one and no more than make a slice."""
    taken: list[Row] = []
    size = 0
    for id, session_id, role, created_at, parts, content in rows:
        row = Row(id, session_id, role, created_at, as_text(parts), content.decode(errors="replace"))
        taken.append(row)
        size += len(row.content) + len(row.parts or "")
        if size > SLICE_BYTES:
            break
    return taken


def slice_of_session(tx: Tx, session_id: str, from_id: int, before_id: int) -> list[Row]:
    """The first messages of the session in a range of ids, as many as make a slice."""
    rows = tx.run(_SLICE_OF_SESSION, session_id=session_id, from_id=from_id, before_id=before_id, limit=SLICE_MESSAGES)
    return _take_slice(rows)


def add(tx: Tx, row: Row, setting: Setting) -> int:
    """Put a message in; how many words it has."""
    text, tags = _texts(row, setting)
    tx.run("INSERT INTO message_words (rowid, words, tags) VALUES (:id, :text, :tags)", id=row.id, text=text, tags=tags)
    return len(text.split()) + len(tags.split())


def remove(tx: Tx, row: Row, setting: Setting) -> int:
    """Take a message out; how many words it had."""
    text, tags = _texts(row, setting)
    tx.run(
        "INSERT INTO message_words (message_words, rowid, words, tags) VALUES ('delete', :id, :text, :tags)",
        id=row.id,
        text=text,
        tags=tags,
    )
    return len(text.split()) + len(tags.split())


def _texts(row: Row, setting: Setting) -> tuple[str, str]:
    tags = [tag("s", row.session_id), tag("r", row.role)]
    if setting.bot_id is not None:
        tags.append(tag("b", setting.bot_id))
    if setting.working_dir is not None:
        tags.append(tag("d", setting.working_dir))
    return tokenizer.of_message(row.content, row.parts, setting.name), " ".join(tags)
