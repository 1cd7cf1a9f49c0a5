"""The session attributes that messages are indexed with, and their renewal after a session changed.

Plan. `search_sessions` divides a session's indexed messages into ranges: a row says that the messages from `from_id`
up to the next row were indexed with these attributes.

1. An update of a session adds it to `search_changes` by a trigger. The messages stay indexed with the old attributes.
2. `renew_slice` takes the first range whose attributes differ from the session's. It indexes a slice of that range
   again and moves the border of the range behind the slice.
3. When no range differs, the rows are joined into one and the session leaves `search_changes`.
4. A deleted session keeps its rows until its last message is purged, because removal needs the attributes.
"""

import sqlite3

import msgspec

from segue.store.engine.tx import Tx
from segue.store.search.index_entries import IndexRow, SessionAttributes, add, as_text, remove, slice_of_session

_RANGES = "SELECT from_id, attributes FROM search_sessions WHERE session_id = :id ORDER BY from_id"
# Read as bytes, because text that is not UTF-8 must not stop the index.
_CURRENT = """
    SELECT CAST(bot_id AS BLOB), CAST(working_dir AS BLOB), CAST(name AS BLOB), CAST(project AS BLOB),
           CAST(source_tool AS BLOB), CAST(tags AS BLOB)
    FROM sessions WHERE id = :id
"""


class _AttributesDamaged(sqlite3.DatabaseError):
    """The tables beside the index contradict it."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT_VTAB


def extend(tx: Tx, row: IndexRow) -> SessionAttributes:
    """Return the attributes to index a session's new messages with, and record them if they differ from the last."""
    last = [_decode(attributes) for _, attributes in tx.run(_RANGES, id=row.session_id)][-1:]
    # Messages of a deleted session are indexed too, because `upto` promises that every message up to it is.
    now = _current(tx, row.session_id) or (last[0] if last else SessionAttributes(None, None, None))
    if last != [now]:
        _record(tx, row.session_id, row.id, now)
    return now


def attributes_at(tx: Tx, row: IndexRow) -> SessionAttributes:
    """Return the attributes that a message was indexed with. Raises: SQLITE_CORRUPT_VTAB if none can be read."""
    found = tx.run(
        """
        SELECT attributes FROM search_sessions
        WHERE session_id = :session_id AND from_id <= :id ORDER BY from_id DESC LIMIT 1
        """,
        session_id=row.session_id,
        id=row.id,
    ).fetchone()
    if found is None:
        raise _AttributesDamaged(f"search index: no attributes recorded for message {row.id}")
    return _decode(found[0])


def renew_slice(tx: Tx, session_id: str, upto: int) -> int | None:
    """Index a slice of a changed session's messages again; return by how much the number of indexed words grew.

    Return None if all messages are up to date; the session is then removed from `search_changes`.
    """
    now = _current(tx, session_id)
    ranges = [(from_id, _decode(attributes)) for from_id, attributes in tx.run(_RANGES, id=session_id)]
    stale = next((index for index, (_, attributes) in enumerate(ranges) if attributes != now), None)
    if now is None or stale is None:
        if now is not None:
            _join(tx, session_id, ranges[0][0] if ranges else 0)
        tx.run("DELETE FROM search_changes WHERE session_id = :id", id=session_id)
        return None
    from_id, old = ranges[stale]
    end = ranges[stale + 1][0] if stale + 1 < len(ranges) else upto + 1
    rows = slice_of_session(tx, session_id, from_id, end)
    # Each row is removed before it is added, because FTS5 keeps the last of two entries for one rowid.
    difference = sum(-remove(tx, row, old) + add(tx, row, now).words for row in rows)
    _record(tx, session_id, from_id, now)
    if rows and rows[-1].id + 1 < end:
        _record(tx, session_id, rows[-1].id + 1, old)
    return difference


def forget(tx: Tx, session_id: str) -> None:
    """Delete the attributes of a deleted session. Call this after its last message is deleted."""
    tx.run(
        "DELETE FROM search_sessions WHERE session_id = :id AND NOT EXISTS (SELECT 1 FROM sessions WHERE id = :id)",
        id=session_id,
    )


def _current(tx: Tx, session_id: str) -> SessionAttributes | None:
    row = tx.run(_CURRENT, id=session_id).fetchone()
    return SessionAttributes(*map(as_text, row)) if row else None


def _join(tx: Tx, session_id: str, first: int) -> None:
    """Keep the first range only; it then covers all messages of the session."""
    tx.run("DELETE FROM search_sessions WHERE session_id = :id AND from_id > :first", id=session_id, first=first)


def _record(tx: Tx, session_id: str, from_id: int, attributes: SessionAttributes) -> None:
    tx.run(
        """
        INSERT OR REPLACE INTO search_sessions (session_id, from_id, attributes)
        VALUES (:session_id, :from_id, :attributes)
        """,
        session_id=session_id,
        from_id=from_id,
        attributes=msgspec.json.encode(attributes).decode(),
    )


def _decode(attributes: str) -> SessionAttributes:
    try:
        return msgspec.json.decode(attributes, type=SessionAttributes)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _AttributesDamaged(f"search index: attributes that cannot be decoded: {attributes!r:.100}") from None
