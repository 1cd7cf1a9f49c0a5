"""Redaction of secrets in stored rows, in the names of their sessions and in the index."""

from collections import Counter
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from segue.redaction import MARK, find_truncated, redact_all
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions
from segue.store.records.message import edit, from_user
from segue.store.records.message.row import CONTENT
from segue.store.records.session_identity import NAME_CHARS, automatic_base, name_from
from segue.store.records.session_row import SYSTEM_PROMPT
from segue.store.search.index_entries import as_text
from segue.store.sync import journal
from segue.timestamps import milliseconds

TEXTS = {
    "messages": ("content", "parts", "metadata"),
    "sessions": ("name", "system_prompt", "metadata", "tags"),
    "memories": ("fact",),
    "summaries": ("summary",),
    "bots": ("name", "description"),
    "extractions": ("error_message",),
}
"""The columns of each table that hold text of a person or a model."""

JSON = frozenset({"parts", "metadata", "tags"})

SLICE_ROWS = 100
"""Rows that one read searches at most, some 5 ms."""

SLICE_BYTES = 64 * 1024
"""Bytes of text after which a read ends early, because long rows take longer."""


_READ = {("messages", "content"): f"({CONTENT})", ("sessions", "system_prompt"): SYSTEM_PROMPT}
"""The columns a part of which another table has."""


def _read(table: str, column: str) -> str:
    return _READ.get((table, column), column)


_SELECT = {
    table: f"SELECT rowid, id, {', '.join(f'CAST({_read(table, column)} AS BLOB)' for column in columns)} FROM {table}"
    for table, columns in TEXTS.items()
}
_UPDATE = {
    table: f"UPDATE {table} SET {', '.join(f'{column} = :{column}' for column in columns)} WHERE rowid = :rowid"
    for table, columns in TEXTS.items()
}


class RowWithSecrets(NamedTuple):
    """A row and the kinds of its secrets."""

    rowid: int
    id: int | str
    kinds: Counter[str]


class Slice(NamedTuple):
    """The result of one read: the last row that was searched (None: no row is left), and the rows with secrets."""

    upto: int | None
    found: list[RowWithSecrets]
    searched: int
    """The number of rows that were searched."""


def count_rows(tx: Tx) -> int:
    """Return the number of all rows that hold text."""
    return sum(int(tx.run(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TEXTS)


def find_secrets(tx: Tx, table: str, after: int) -> Slice:
    """Search the next rows of TABLE after the row ID AFTER."""
    found: list[RowWithSecrets] = []
    size = searched = 0
    upto = None
    sql = f"{_SELECT[table]} WHERE rowid > :after ORDER BY rowid LIMIT {SLICE_ROWS}"
    for rowid, id, *texts in tx.run(sql, after=after):
        upto = rowid
        searched += 1
        kinds: Counter[str] = Counter()
        values = _redact(table, texts, kinds)
        if table == "sessions":
            _redact_name(tx, id, values, kinds)
        if kinds:
            found.append(RowWithSecrets(rowid, id, kinds))
        size += sum(len(text or b"") for text in texts)
        if size > SLICE_BYTES:
            break
    return Slice(upto, found, searched)


def redact_row(tx: Tx, table: str, rowid: int) -> Counter[str]:
    """Redact a row and count the secrets by kind. The row may be deleted or changed since it was found."""
    kinds: Counter[str] = Counter()
    row = tx.run(f"{_SELECT[table]} WHERE rowid = :rowid", rowid=rowid).fetchone()
    if row is None:
        return kinds
    values = _redact(table, row[2:], kinds)
    if table == "sessions":
        _redact_name(tx, row[1], values, kinds)
    if not kinds:
        return kinds
    if table == "messages":
        edit.change_index_and_name(tx, rowid, values)
        _emit_updated(tx, messages.owner(tx, rowid))
    tx.run(_UPDATE[table], rowid=rowid, **values)
    if table == "messages":  # The content now has what was streamed.
        tx.run("DELETE FROM message_pieces WHERE message_id = :rowid", rowid=rowid)
    if table == "sessions":
        _emit_updated(tx, row[1])
    journal.note_redacted(tx, table, row[1])
    return kinds


def _redact(table: str, texts: list[bytes | None], kinds: Counter[str]) -> dict[str, str | None]:
    """Return the row's texts without secrets, by column, and add the secrets to KINDS."""
    return {
        column: _redact_json(text, kinds) if column in JSON else redact_all(as_text(text), kinds)
        for column, text in zip(TEXTS[table], texts, strict=True)
    }


def _redact_name(tx: Tx, session_id: str, values: dict[str, str | None], kinds: Counter[str]) -> None:
    """Redact an automatic name that ends in the beginning of a secret whose message is deleted.

    If the message exists, its own redaction renames the session.
    """
    name = values["name"] or ""
    base = automatic_base(name)
    hit = find_truncated(base) if len(base) == NAME_CHARS else None
    if hit is not None and not _comes_from_first_message(tx, session_id, name):
        values["name"] = f"{name[: hit.start]}{MARK}{hit.kind}]{name[hit.end :]}"
        kinds[hit.kind] += 1


def _comes_from_first_message(tx: Tx, session_id: str, name: str) -> bool:
    row = tx.run(
        f"""
        SELECT CAST(content AS BLOB), created_at FROM messages
        WHERE session_id = :id AND role = 'user' AND id >= {from_user.FIRST_ID.format(session=":id")}
        ORDER BY id LIMIT 1
        """,
        id=session_id,
    ).fetchone()
    with suppress(ValueError):  # An invalid time, written by another program, gave no name.
        return row is not None and name_from(as_text(row[0]) or "", milliseconds(row[1])) == name
    return False


def _redact_json(text: bytes | None, kinds: Counter[str]) -> str | None:
    if text is None:
        return None
    try:
        value: Any = msgspec.json.decode(text)
        cleaned = redact_all(value, kinds)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # Another program wrote it.
        return redact_all(as_text(text), kinds)
    return as_text(text) if cleaned == value else msgspec.json.encode(cleaned).decode()


def _emit_updated(tx: Tx, session_id: str) -> None:
    tx.run("UPDATE sessions SET updated_at = max(updated_at, :at) WHERE id = :id", at=tx.at, id=session_id)
    if tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session_id).fetchone():
        sessions.emit_if_valid(tx, "session.updated", session_id)
