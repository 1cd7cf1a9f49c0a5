"""The columns of a message, defined once: how rows are read, written, copied and converted."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from segue.errors import InvalidData
from segue.models import Draft, Message, Metadata, Parts
from segue.store.engine.tx import Tx
from segue.timestamps import FORMAT

COLUMNS = tuple(name for name in Message.__struct_fields__ if name not in ("cut", "machine"))
"""The columns of the table `messages` that clients see. They are named after the members of `Message`."""

CONTENT = """
    CASE state WHEN 'streaming' THEN content || coalesce((
        SELECT group_concat(text, '')
        FROM (SELECT text FROM message_pieces WHERE message_id = messages.id ORDER BY number)
    ), '') ELSE content END
"""
"""SQL: the content of a message, and of one that is being streamed as far as it is stored."""


def read(names: Iterable[str]) -> str:
    """Return the list of columns for a SELECT from `messages`."""
    return ", ".join(CONTENT if name == "content" else name for name in names)


SELECTED = f"SELECT {read(COLUMNS)}"

SELECT = f"{SELECTED} FROM messages"

DRAFT_COLUMNS = (*(name for name in Draft.__struct_fields__ if name != "created_at"), "state")
"""The columns of a draft, and the state in which it is stored. The daemon sets the other ones."""

CHANGEABLE = tuple(name for name in DRAFT_COLUMNS if name != "key")
"""The columns that a change in place can set."""

_NEW_COLUMNS = ("session_id", *DRAFT_COLUMNS, "resumed", "created_at")
_GIVEN_DEFAULTS = {"is_summary": 0, "metadata": "{}", "indexed": 1, "state": "complete", "resumed": 0}
"""The defaults in the table of columns that are never NULL."""

_DEFAULTS = tuple(_GIVEN_DEFAULTS.get(name) for name in _NEW_COLUMNS)
_COPIED_COLUMNS = (*(name for name in COLUMNS if name not in ("id", "session_id", "state")), "indexed", "state")

INSERT = f"INSERT INTO messages ({', '.join(_NEW_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _NEW_COLUMNS)})"

COPY = f"""
    INSERT INTO messages (session_id, {", ".join(_COPIED_COLUMNS)})
    SELECT :copy, {read(name for name in _COPIED_COLUMNS if name != "state")},
           CASE state WHEN 'streaming' THEN 'interrupted' ELSE state END
    FROM messages
"""
"""Copies rows into the session `:copy`; a WHERE clause follows. A copy of a message being streamed is interrupted."""

_decode_metadata = msgspec.json.Decoder(Metadata).decode
_decode_parts = msgspec.json.Decoder(Parts).decode
_PARTS, _METADATA, _CREATED_AT, _IS_SUMMARY = map(COLUMNS.index, ("parts", "metadata", "created_at", "is_summary"))


def insert_all(tx: Tx, rows: list[tuple[Any, ...]]) -> int:
    """Insert messages: session_id, the columns of the draft, resumed and created_at of each. Return the first one's ID.

    The IDs are consecutive, because only this connection writes. A column whose values are all the table's default is
    left out: Python looks for a way to adapt each None and bool that it binds, which takes 0.2 µs.
    """
    columns = list(zip(*rows, strict=True))
    given = [
        number
        for number, (values, default) in enumerate(zip(columns, _DEFAULTS, strict=True))
        if values.count(default) < len(rows)
    ]
    tx.connection.executemany(_insert(tuple(given)), zip(*[columns[number] for number in given], strict=True))
    [last_id] = tx.connection.execute("SELECT last_insert_rowid()").fetchone()
    return int(last_id) - len(rows) + 1


@lru_cache(maxsize=64)
def _insert(given: tuple[int, ...]) -> str:
    """Return the INSERT of the columns with these numbers."""
    names = [_NEW_COLUMNS[number] for number in given]
    return f"INSERT INTO messages ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def converter(tx: Tx) -> Callable[[tuple[Any, ...]], Message]:
    """Return the function that converts a row of SELECT to a message, as `to_message` does."""
    return to_message if tx.connection.text_factory is str else _to_checked_message


def _to_checked_message(row: tuple[Any, ...]) -> Message:
    """Convert a row of a connection that returns damaged text as bytes."""
    if bytes in map(type, row):
        raise InvalidData("message", row[0])
    return to_message(row)


def to_message(row: tuple[Any, ...]) -> Message:
    """Convert a row of SELECT to a message.

    This checks only what the table does not guarantee, because a page has thousands of rows.

    Raises:
        InvalidData: the row cannot be decoded.
    """
    values = list(row)
    try:
        values[_METADATA] = _decode_metadata(row[_METADATA])
        if row[_PARTS] is not None:
            values[_PARTS] = _decode_parts(row[_PARTS])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidData("message", row[0]) from None
    if not FORMAT.fullmatch(row[_CREATED_AT]):
        raise InvalidData("message", row[0])
    values[_IS_SUMMARY] = bool(row[_IS_SUMMARY])
    return Message(*values)
