"""The columns of a message, defined once: how rows are read, written, copied and converted."""

from typing import Any

import msgspec

from segue.errors import InvalidData
from segue.models import Draft, Message, Metadata, Parts
from segue.timestamps import FORMAT

COLUMNS = tuple(name for name in Message.__struct_fields__ if name != "cut")
"""The columns of the table `messages` that clients see. They are named after the members of `Message`."""

SELECT = f"SELECT {', '.join(COLUMNS)} FROM messages"

DRAFT_COLUMNS = tuple(name for name in Draft.__struct_fields__ if name != "created_at")
"""The columns that the client gives. The daemon sets the other ones."""

CHANGEABLE = tuple(name for name in DRAFT_COLUMNS if name != "key")
"""The columns that a change in place can set."""

_NEW_COLUMNS = ("session_id", *DRAFT_COLUMNS, "resumed", "created_at")
_COPIED_COLUMNS = (*(name for name in COLUMNS if name not in ("id", "session_id")), "indexed")

INSERT = f"INSERT INTO messages ({', '.join(_NEW_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _NEW_COLUMNS)})"

INSERT_VALUES = f"INSERT INTO messages ({', '.join(_NEW_COLUMNS)}) VALUES ({', '.join('?' * len(_NEW_COLUMNS))})"
"""The same by position: session_id, the columns of the draft, resumed, created_at."""

COPY = f"""
    INSERT INTO messages (session_id, {", ".join(_COPIED_COLUMNS)})
    SELECT :copy, {", ".join(_COPIED_COLUMNS)} FROM messages
"""
"""Copies rows into the session `:copy`; a WHERE clause follows."""

_decode_metadata = msgspec.json.Decoder(Metadata).decode
_decode_parts = msgspec.json.Decoder(Parts).decode
_PARTS, _METADATA, _CREATED_AT, _IS_SUMMARY = map(COLUMNS.index, ("parts", "metadata", "created_at", "is_summary"))


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
