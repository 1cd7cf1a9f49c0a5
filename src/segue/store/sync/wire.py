"""The records of a batch, each the state of one thing, and their encoding.

Machines are named by their uid, rows by the machine that made them and their id there, sessions by their uid.
"""

from typing import Any

import msgspec
from msgspec import Struct

from segue.store.records.message import row

MESSAGE_COLUMNS = (
    *(name for name in row.COLUMNS if name not in ("id", "session_id")),
    *("indexed", "resumed"),
)
"""The columns of a message that travel, in the order of the record."""

Ref = tuple[bytes, int]
"""A row: the machine that made it, and its id there."""

FieldValue = tuple[Any, int, bytes]
"""A field of a session: its value, and the stamp and machine of its last change."""


class SessionRecord(Struct, array_like=True, tag="session"):
    """A session: its state, the fields that changed, and the tokens that each machine counted."""

    uid: bytes
    wire_id: str
    bot_id: str
    created_at: str
    state: int
    updated_at: str = ""
    last_message_at: str = ""
    fields: dict[str, FieldValue] = {}
    tokens: dict[bytes, tuple[int, int]] = {}
    summaries: int = 0
    """The number of its summaries."""


class MessageRecord(Struct, array_like=True, tag="message"):
    """A message, with the stamp of its last change in place."""

    machine: bytes
    oid: int
    session: bytes
    run: int
    stamp: int
    stamped_by: bytes
    values: list[Any]


class TombstoneRecord(Struct, array_like=True, tag="dead"):
    """The tombstones of rows of one kind of one machine."""

    kind: int
    machine: bytes
    oids: list[int]


class MemoryRecord(Struct, array_like=True, tag="memory"):
    """A memory; `session_id` is what the session is called where the memory was made."""

    machine: bytes
    oid: int
    bot_id: str
    session: bytes | None
    session_id: str | None
    source: Ref | None
    category: str
    importance: int
    is_manual: bool
    created_at: str
    fact: str
    stamp: int
    stamped_by: bytes


class EdgesRecord(Struct, array_like=True, tag="edges"):
    """The memories that a memory supersedes. It stays when the memory is deleted."""

    machine: bytes
    oid: int
    old: list[Ref]


class SummaryRecord(Struct, array_like=True, tag="summary"):
    """A summary of the messages from one to another, whose run is given. `number` is its number in the session."""

    machine: bytes
    oid: int
    session: bytes
    number: int
    start: Ref
    end_run: int
    end: Ref
    token_count: int
    created_at: str
    summary: str
    stamp: int
    stamped_by: bytes


class BotRecord(Struct, array_like=True, tag="bot"):
    """A bot, and whether it was deleted last."""

    id: str
    alive: bool
    stamp: int
    machine: bytes
    name: str
    description: str | None
    created_at: str


Record = SessionRecord | MessageRecord | TombstoneRecord | MemoryRecord | EdgesRecord | SummaryRecord | BotRecord


class Contents(Struct, array_like=True):
    """The plain content of a batch."""

    at: int
    """The clock of the machine that wrote it, in milliseconds."""
    stamp: int
    name: str
    """The name of that machine."""
    heads: dict[bytes, int]
    """The newest batch of each machine that it has applied."""
    records: list[Record]


encode = msgspec.msgpack.Encoder().encode
decode_contents = msgspec.msgpack.Decoder(Contents).decode
decode_record = msgspec.msgpack.Decoder(Record).decode
