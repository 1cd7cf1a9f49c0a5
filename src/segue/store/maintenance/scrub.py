"""Secrets in what is stored already: found, and taken out of the rows, their sessions' names and the index."""

import sqlite3
from collections import Counter
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from segue.redaction import MARK, find_truncated, redact_all
from segue.store.engine.tx import Tx
from segue.store.records import sessions
from segue.store.records.session_identity import NAME_CHARS, automatic_base, name_from
from segue.store.search import index
from segue.store.search.index_entries import Row, as_text
from segue.timestamps import milliseconds

TEXTS = {
    "messages": ("content", "parts", "metadata"),
    "sessions": ("name", "system_prompt", "metadata"),
    "memories": ("fact",),
    "summaries": ("summary",),
    "bots": ("name", "description"),
    "extractions": ("error_message",),
}
"""The columns of each table that hold what a person or a model wrote."""

JSON = frozenset({"parts", "metadata"})

SLICE_ROWS = 100
SLICE_BYTES = 64 * 1024
"""How much is looked through in one read, some 5 ms: fewer rows than this many, if they are long."""

_SELECT = {
    table: f"SELECT rowid, id, {', '.join(f'CAST({column} AS BLOB)' for column in columns)} FROM {table}"
    for table, columns in TEXTS.items()
}
_UPDATE = {
    table: f"UPDATE {table} SET {', '.join(f'{column} = :{column}' for column in columns)} WHERE rowid = :rowid"
    for table, columns in TEXTS.items()
}


class Found(NamedTuple):
    """A row that holds secrets."""

    rowid: int
    id: int | str
    kinds: Counter[str]


class Slice(NamedTuple):
    """What was looked through: up to which row (None: to the end), and what was found."""

    upto: int | None
    found: list[Found]


def look(tx: Tx, table: str, after: int) -> Slice:
    """The rows with secrets among the next ones."""
    found: list[Found] = []
    size = 0
    upto = None
    sql = f"{_SELECT[table]} WHERE rowid > :after ORDER BY rowid LIMIT {SLICE_ROWS}"
    for rowid, id, *texts in tx.run(sql, after=after):
        upto = rowid
        kinds: Counter[str] = Counter()
        values = _clean(table, texts, kinds)
        if table == "sessions":
            _clean_name(tx, id, values, kinds)
        if kinds:
            found.append(Found(rowid, id, kinds))
        size += sum(len(text or b"") for text in texts)
        if size > SLICE_BYTES:
            break
    return Slice(upto, found)


def clean(tx: Tx, table: str, rowid: int) -> Counter[str]:
    """The secrets that were taken out of a row, which may be gone by now or changed."""
    kinds: Counter[str] = Counter()
    row = tx.run(f"{_SELECT[table]} WHERE rowid = :rowid", rowid=rowid).fetchone()
    if row is None:
        return kinds
    values = _clean(table, row[2:], kinds)
    if table == "sessions":
        _clean_name(tx, row[1], values, kinds)
    if not kinds:
        return kinds
    if table == "messages":
        _change_message(tx, rowid, values)
    tx.run(_UPDATE[table], rowid=rowid, **values)
    if table == "sessions":
        _tell(tx, row[1])
    return kinds


def _clean(table: str, texts: list[bytes | None], kinds: Counter[str]) -> dict[str, str | None]:
    """The row's texts without secrets, by column."""
    return {
        column: _clean_json(text, kinds) if column in JSON else redact_all(as_text(text), kinds)
        for column, text in zip(TEXTS[table], texts, strict=True)
    }


def _clean_name(tx: Tx, session_id: str, values: dict[str, str | None], kinds: Counter[str]) -> None:
    """Clean an automatic name that keeps the beginning of a secret whose message is gone; else that one renames it."""
    name = values["name"] or ""
    base = automatic_base(name)
    hit = find_truncated(base) if len(base) == NAME_CHARS else None
    if hit is not None and not _is_given_by_first_message(tx, session_id, name):
        values["name"] = f"{name[: hit.start]}{MARK}{hit.kind}]{name[hit.end :]}"
        kinds[hit.kind] += 1


def _is_given_by_first_message(tx: Tx, session_id: str, name: str) -> bool:
    row = tx.run(
        """
        SELECT CAST(content AS BLOB), created_at FROM messages
        WHERE session_id = :id AND role = 'user' ORDER BY id LIMIT 1
        """,
        id=session_id,
    ).fetchone()
    with suppress(ValueError):  # a time that another program wrote gave no name
        return row is not None and name_from(as_text(row[0]) or "", milliseconds(row[1])) == name
    return False


def _clean_json(text: bytes | None, kinds: Counter[str]) -> str | None:
    if text is None:
        return None
    try:
        value: Any = msgspec.json.decode(text)
        cleaned = redact_all(value, kinds)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # another program wrote it
        return redact_all(as_text(text), kinds)
    return as_text(text) if cleaned == value else msgspec.json.encode(cleaned).decode()


def _change_message(tx: Tx, message_id: int, values: dict[str, str | None]) -> None:
    """Bring the index and the session's name up to date with what the message will be."""
    session_id, role, created_at, parts, content = tx.run(
        """
        SELECT session_id, role, created_at, CAST(parts AS BLOB), CAST(content AS BLOB) FROM messages
        WHERE id = :id
        """,
        id=message_id,
    ).fetchone()
    old = Row(message_id, session_id, role, created_at, as_text(parts), as_text(content) or "")
    new = old._replace(parts=values["parts"], content=values["content"] or "")
    index.replace(tx, old, new)
    with suppress(ValueError):  # a time that another program wrote gave no name
        _rename(tx, old, new)
    _tell(tx, session_id)


def _rename(tx: Tx, old: Row, new: Row) -> None:
    """A name that the message gave may hold the beginning of a secret, which nothing recognises any more."""
    moment = milliseconds(old.created_at)
    tx.run(
        "UPDATE sessions SET name = :new WHERE id = :id AND name = :old",
        id=old.session_id,
        old=name_from(old.content, moment),
        new=name_from(new.content, moment),
    )


def _tell(tx: Tx, session_id: str) -> None:
    tx.run("UPDATE sessions SET updated_at = :at WHERE id = :id", at=tx.at, id=session_id)
    if tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session_id).fetchone():
        sessions.tell_about(tx, "session.updated", session_id)


def fold(connection: sqlite3.Connection) -> bool:
    """Whether the WAL is in the file now and itself empty; not if somebody reads what was there before.

    On a connection of its own: the most of it is done before writers have to wait.
    """
    connection.execute("PRAGMA query_only = OFF")
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
