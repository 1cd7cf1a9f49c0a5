"""The text that a message is indexed with. A message is removed by repeating it exactly.

An entry holds, in this order: the words of the message, the pieces of its compound words, the words of its session's
name, and a filter term for each attribute. The last two kinds bear a mark that no word of a text can begin with. So a
search for a word reads one list of the index, without a filter by column.
"""

import math
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import msgspec

from segue.store.engine.tx import Tx
from segue.store.search.text.part_texts import part_texts
from segue.store.search.text.pieces import pieces_text
from segue.store.search.text.tokenizer import END, normalize

NAME_MARK, SUMMARY_MARK, TAG_MARK = "¶", "«", "§"
"""Text: begins each word of a session's name, of a session's summary, and each filter term. Punctuation."""

SLICE_MESSAGES = 40
"""Messages: the size of a slice, which is renewed or removed in one transaction. About 3 ms."""

SLICE_BYTES = 32 * 1024
"""Bytes: a slice ends after the message that exceeds this."""

NEW_MESSAGES = 200
NEW_BYTES = 120 * 1024
"""The same for a slice of new messages, about 6 ms, a client's longest wait.

FTS5 makes a segment of it. Larger ones are merged less often: a message takes 28 µs, and 50 in slices of 40.
"""

COLUMNS = """
    id, session_id, role, created_at, CASE WHEN indexed AND state <> 'streaming' THEN CAST(parts AS BLOB) END,
    CASE WHEN indexed AND state <> 'streaming' THEN CAST(content AS BLOB) ELSE x'' END
"""
"""SQL: the columns of an `IndexRow`. A message that is not to be searched has an entry without text.

One that is being streamed gets its text when it ends, because an entry costs as much as the message is long.
"""

_GENERATED_DATE = re.compile(r" - \d{4}-\d\d-\d\d_\d\d-\d\d\Z")

_ADD = "INSERT INTO message_words (rowid, words) VALUES (?, ?)"

_SELECT = f"SELECT {COLUMNS} FROM messages"
_SLICE = f"{_SELECT} WHERE id > :after_id AND id <= :upto ORDER BY id LIMIT :limit"
_SLICE_OF_SESSION = (
    f"{_SELECT} WHERE session_id = :session_id AND id >= :from_id AND id < :before_id ORDER BY id LIMIT :limit"
)


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
    project: str | None = None
    source: str | None = None
    """The tool that an imported session comes from."""
    tags: str | None = None
    """A JSON array of strings."""


TagKind = Literal["b", "d", "o", "p", "r", "s", "t"]
"""Kinds of attributes: bot, directory, origin (tool), project, role, session, tag."""

IMPORTED = f"{TAG_MARK}i"
"""Text: the filter term of messages of imported sessions."""


CACHED = 256
"""Texts that are kept, because consecutive messages have the same session."""


class Added(NamedTuple):
    """The size of a new entry: the words of the message itself, and those of the whole entry."""

    length: int
    words: int


class Marked(NamedTuple):
    """The marked words of an entry, and their number."""

    text: str
    words: int


@lru_cache(maxsize=CACHED)
def tag(kind: TagKind, value: str) -> str:
    """Return the filter term for an attribute."""
    return f"{TAG_MARK}{kind}" + (value if kind == "r" else blake2b(value.encode(), digest_size=8).hexdigest())


def as_text(column: bytes | str | None) -> str | None:
    """Decode a text column that was read as bytes, because invalid UTF-8 must not stop the index."""
    return column.decode(errors="replace") if isinstance(column, bytes) else column


def new_slice(tx: Tx, after_id: int, upto: int) -> list[IndexRow]:
    """Return the first slice of new messages in a range of ids."""
    return _take_slice(tx.run(_SLICE, after_id=after_id, upto=upto, limit=NEW_MESSAGES), NEW_BYTES)


def slice_of_session(tx: Tx, session_id: str, from_id: int, before_id: int) -> list[IndexRow]:
    """Return the first slice of a session's messages in a range of ids."""
    rows = tx.run(_SLICE_OF_SESSION, session_id=session_id, from_id=from_id, before_id=before_id, limit=SLICE_MESSAGES)
    return _take_slice(rows, SLICE_BYTES)


def _take_slice(rows: Iterable[tuple[Any, ...]], max_bytes: int) -> list[IndexRow]:
    """Return the first rows, at least one, up to a number of bytes."""
    taken: list[IndexRow] = []
    size = 0
    for columns in rows:
        row = _row(columns)
        taken.append(row)
        size += len(row.content) + len(row.parts or "")
        if size > max_bytes:
            break
    return taken


def _row(columns: tuple[Any, ...]) -> IndexRow:
    id, *texts = columns
    session_id, role, created_at, parts, content = map(as_text, texts)
    return IndexRow(id, session_id or "", role or "", created_at or "", parts, content or "")


def add(tx: Tx, row: IndexRow, attributes: SessionAttributes) -> Added:
    """Add a message to the index."""
    [added] = add_all(tx, [(row, attributes)])
    return added


def add_all(tx: Tx, entries: Iterable[tuple[IndexRow, SessionAttributes]], deadline: float = math.inf) -> list[Added]:
    """Add messages to the index, with the attributes of their sessions: at least one, and none after the deadline.

    The deadline is one of the thread's CPU time, because smaller slices would not help on a machine with other work.
    """
    texts: list[tuple[int, str]] = []
    added: list[Added] = []
    for row, attributes in entries:
        own, marked = _own_words(row), _marked_words(row.session_id, row.role, attributes)
        length = len(own.split())
        texts.append((row.id, f"{own} {END} {marked.text}"))
        added.append(Added(length, length + 1 + marked.words))
        if time.thread_time() >= deadline:
            break
    tx.connection.executemany(_ADD, texts)
    return added


def remove(tx: Tx, row: IndexRow, attributes: SessionAttributes) -> int:
    """Remove a message from the index and return its number of words."""
    marked = _marked_words(row.session_id, row.role, attributes)
    return remove_text(tx, row.id, f"{_own_words(row)} {END} {marked.text}")


def add_text(tx: Tx, id: int, text: str) -> int:
    """Add an entry to the index and return its number of words."""
    tx.connection.execute(_ADD, (id, text))
    return len(text.split())


def remove_text(tx: Tx, id: int, text: str) -> int:
    """Remove an entry, whose text must be the one it was added with, and return its number of words."""
    tx.run("INSERT INTO message_words (message_words, rowid, words) VALUES ('delete', :id, :text)", id=id, text=text)
    return len(text.split())


def own_texts(content: str, parts: str | None) -> list[str]:
    """Return the texts that a message itself holds."""
    return [text for text in (content, *part_texts(parts)) if text]


@lru_cache(maxsize=CACHED)
def name_text(name: str | None, mark: str = NAME_MARK) -> str:
    """Return the marked words of a session's name, without the date that ends a generated name."""
    text = _GENERATED_DATE.sub("", name or "")
    return " ".join(mark + word for word in f"{normalize(text)} {END} {pieces_text(text)}".split()) if text else ""


def _own_words(row: IndexRow) -> str:
    """Return the words of the message itself."""
    texts = own_texts(row.content, row.parts)
    pieces = [pieces for text in texts if (pieces := pieces_text(text))]
    return f" {END} ".join([*map(normalize, texts), *pieces])


@lru_cache(maxsize=CACHED)
def _marked_words(session_id: str, role: str, attributes: SessionAttributes) -> Marked:
    """Return the marked words of a message's session and role."""
    values: list[tuple[TagKind, str | None]] = [
        ("s", session_id),
        ("r", role),
        ("b", attributes.bot_id),
        ("d", attributes.working_dir),
        ("p", attributes.project),
        ("o", attributes.source),
        *(("t", value) for value in json_strings(attributes.tags)),
    ]
    tags = [tag(kind, value) for kind, value in values if value is not None]
    text = " ".join([name_text(attributes.name), *tags, *([] if attributes.source is None else [IMPORTED])])
    return Marked(text, len(text.split()))


def json_strings(text: str | None) -> list[str]:
    """Return the strings of a JSON array; an empty list for any other text, which another program may have written."""
    try:
        return msgspec.json.decode(text or "[]", type=list[str])
    except (msgspec.DecodeError, RecursionError):
        return []
