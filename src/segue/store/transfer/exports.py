"""Export a session in pages: its messages, then its summaries, then its memories.

A cursor names the kind and the id after which the next page continues, and the newest message of the moment in which
the export began. Messages that are appended later are not part of it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from segue.errors import InvalidParams
from segue.models import MAX_INTEGER, Memory, Message, Summary
from segue.store.engine.rows import wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import extractions, memories, messages, sessions, summaries
from segue.transfer import SessionExport

Row = Message | Summary | Memory

KINDS = ("messages", "summaries", "memories")

_CURSOR = re.compile(r"([0-2])-(\d{1,19})-(\d{1,19})", re.ASCII)


class Position(NamedTuple):
    """The start of a page: the kind's number, the id before its first row, and the newest message's id."""

    kind: int
    after: int
    upto: int


def page(tx: Tx, session_id: str, cursor: str | None, answer_bytes: int) -> SessionExport:
    """Return the session and the next rows of it, at least one if there is one.

    Raises:
        NotFound: there is no such session.
        InvalidParams: the cursor is none of this method.
    """
    session = sessions.get(tx, session_id)
    start = _start(tx, session_id) if cursor is None else _position(cursor)
    export = SessionExport(
        session=session,
        messages=[],
        summaries=[],
        memories=[],
        unindexed=[],
        extraction=extractions.find_of_session(tx, session_id),
        activity=0,
        next_cursor=None,
    )
    sql = "SELECT activity FROM sessions WHERE id = :id"
    export.activity = int(tx.run(sql, id=session_id).fetchone()[0])
    found: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    size = wire_bytes(session)
    last: Position | None = None
    for position, row in _rows(tx, session_id, start):
        size += wire_bytes(row)
        if last is not None and size > answer_bytes:
            export.next_cursor = "-".join(map(str, last))
            break
        found[KINDS[position.kind]].append(row)
        last = position
    for kind, rows in found.items():
        setattr(export, kind, rows)
    if export.messages:
        export.unindexed = _unindexed(tx, session_id, export.messages[0].id, export.messages[-1].id)
    return export


def _unindexed(tx: Tx, session_id: str, first: int, last: int) -> list[int]:
    sql = "SELECT id FROM messages WHERE session_id = :id AND id BETWEEN :first AND :last AND NOT indexed ORDER BY id"
    return [row[0] for row in tx.run(sql, id=session_id, first=first, last=last)]


def _rows(tx: Tx, session_id: str, start: Position) -> Iterator[tuple[Position, Row]]:
    """Yield each row with the position behind it."""
    for number in range(start.kind, len(KINDS)):
        after = start.after if number == start.kind else -1
        for row in _of_kind(tx, session_id, number, after, start.upto):
            yield Position(number, row.id, start.upto), row


def _of_kind(tx: Tx, session_id: str, number: int, after: int, upto: int) -> Iterator[Row]:
    if number == 0:
        return messages.forwards(tx, session_id, after, upto)
    if number == 1:
        return summaries.of_session(tx, session_id, after)
    return memories.of_session(tx, session_id, after)


def _start(tx: Tx, session_id: str) -> Position:
    newest = next(messages.backwards(tx, session_id, -1), None)
    return Position(0, -1 if newest is None else 0, newest.id if newest else 0)


def _position(cursor: str) -> Position:
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[2]) > MAX_INTEGER or int(found[3]) > MAX_INTEGER:
        raise InvalidParams("not a cursor of session.export; leave it out to begin again", path="$.cursor")
    return Position(int(found[1]), int(found[2]), int(found[3]))
