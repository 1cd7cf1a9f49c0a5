"""The fields of a session: of each, the last writer wins, by the stamps of the changes.

1. A field's value is compared by a hash with the one that was last seen, so an event shows which fields changed.
2. A name that segue generated for an unnamed session has the lowest stamp: it never replaces a person's.
3. A session that was never published has no stamps. Its fields are published with the stamp 0.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from segue.models import Session
from segue.store.engine.tx import Tx
from segue.store.records.session_identity import automatic_base

FIELDS = (
    "name", "provider", "model", "system_prompt", "working_dir", "pinned", "metadata", "project", "tags", "archived",
    "parent_id", "retention_days", "ended",
)  # fmt: skip
"""The fields that travel; `ended` is the status with its time."""

TEXTS = ("name", "system_prompt", "metadata")
"""The fields whose old values are deleted at the hub when they change."""

GENERATED = 1
"""The stamp of a generated name."""


class FieldStamp(NamedTuple):
    """The last change of a field, the hash of its value here, and the stamp with which this machine changed it."""

    at: int
    machine: bytes
    hash: bytes
    noted: int = 0

    @property
    def rank(self) -> tuple[int, bytes]:
        """Return what decides between two changes; the larger one wins."""
        return self.at, self.machine


Stamps = dict[str, FieldStamp]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, FieldStamp]).decode
_canonical = msgspec.json.Encoder(order="sorted").encode


def values_of(session: Session) -> dict[str, Any]:
    """Return the fields of a session."""
    values = {name: getattr(session, name) for name in FIELDS if name != "ended"}
    return {**values, "ended": [session.status, session.ended_at]}


def hash_of(value: Any) -> bytes:
    """Return a short hash of a value."""
    return blake2b(_canonical(value), digest_size=8).digest()


def load(tx: Tx, uid: bytes) -> Stamps | None:
    """Return the stamps of the session's fields, None before they were published."""
    row = tx.run("SELECT fields FROM sync_sessions WHERE uid = :uid", uid=uid).fetchone()
    return None if row is None or row[0] is None else _decode(row[0])


def encode(stamps: Stamps) -> bytes:
    """Return the stamps as a column."""
    return _encode(stamps)


def store(tx: Tx, uid: bytes, stamps: Stamps) -> None:
    """Store the stamps of the session's fields."""
    tx.run("UPDATE sync_sessions SET fields = :fields WHERE uid = :uid", uid=uid, fields=_encode(stamps))


def first_stamps(session: Session, machine: bytes, at: int = 0) -> Stamps:
    """Return stamps for the fields of a session that has none."""
    return {
        name: FieldStamp(min(at, GENERATED) if _is_generated(name, value) else at, machine, hash_of(value), at)
        for name, value in values_of(session).items()
    }


def _is_generated(name: str, value: Any) -> bool:
    return name == "name" and isinstance(value, str) and bool(automatic_base(value))


def changed(session: Session, stamps: Stamps, at: int, machine: bytes) -> Stamps:
    """Return the stamps after a change that happened at a stamp: new ones for fields whose values differ."""
    new = dict(stamps)
    for name, value in values_of(session).items():
        hash = hash_of(value)
        before = stamps.get(name)
        if before is None:  # The session came without it.
            new[name] = FieldStamp(0, machine, hash)
            continue
        if before.hash == hash:
            continue
        lowest = before.hash == _NO_NAME and _is_generated(name, value)
        new[name] = FieldStamp(GENERATED if lowest else at, machine, hash, at)
    return new


_NO_NAME = hash_of(None)


def encode_tokens(tokens: Mapping[bytes, tuple[int, int]]) -> bytes:
    """Return the tokens that each machine counted as a column."""
    return msgspec.msgpack.encode(tokens)


def decode_tokens(column: bytes | None) -> dict[bytes, tuple[int, int]]:
    """Return the tokens that each machine counted."""
    return {} if column is None else msgspec.msgpack.decode(column, type=dict[bytes, tuple[int, int]])
