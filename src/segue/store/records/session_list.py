"""List sessions with previews, newest first."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from segue.errors import InvalidData, InvalidParams
from segue.models import Metadata, SessionOrder, SessionSummary
from segue.results import SessionPage
from segue.store.engine.rows import iterate_valid, wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records.session_row import SELECT_SUMMARY, to_summary
from segue.store.search.session_entries import NOT_OF_A_STORE, OF_A_STORE
from segue.timestamps import milliseconds

PREVIEW_CHARS = 100
"""Characters: the default length of a preview."""


class Filter(NamedTuple):
    """Conditions on sessions; None accepts all. `id_prefix` and `name_contains` are literal."""

    working_dir: str | None = None
    bot_id: str | None = None
    status: str | None = None
    id_prefix: str | None = None
    name_contains: str | None = None
    pinned: bool | None = None
    project: str | None = None
    archived: bool | None = None
    parent_id: str | None = None
    source: str | None = None
    tags: list[str] | None = None
    metadata: Metadata | None = None


class Window(NamedTuple):
    """The part of a list to return: after a cursor, or from an offset on."""

    order_by: SessionOrder = "last_message_at"
    limit: int = 20
    offset: int = 0
    cursor: str | None = None
    preview_chars: int = 100
    with_metadata: bool = False
    answer_bytes: int = 2**63 - 1


_CONDITIONS = {
    "working_dir": "working_dir = :working_dir",
    "bot_id": "bot_id = :bot_id",
    "status": "status = :status",
    "id_prefix": "substr(id, 1, length(:id_prefix)) = :id_prefix",
    "name_contains": "instr(casefold(coalesce(name, '')), :name_contains) > 0",
    "pinned": "pinned = :pinned",
    "project": "project = :project",
    "parent_id": "parent_id = :parent_id",
    "tags": """
        NOT EXISTS (
            SELECT value FROM json_each(:tags)
            EXCEPT SELECT value FROM json_each(CASE WHEN json_valid(sessions.tags) THEN sessions.tags ELSE '[]' END)
        )
    """,
    "metadata": "has_members(metadata, :metadata)",
}

_BEGINNING = """
    (SELECT coalesce(substr(CAST(content AS BLOB), 1, 4 * :preview_chars), x'') FROM messages
     WHERE session_id = sessions.id AND {condition}
       AND id >= coalesce((SELECT before_id FROM purges WHERE session_id = sessions.id), 0)
     ORDER BY id LIMIT 1)
"""
"""The beginning of a session's first message that meets the condition.

SQLite's substr() ends a text at a NUL, so it gets bytes; a character has four at most. For no bytes it returns NULL,
which would mean that there is no message, so coalesce() makes x'' of it.
"""

_OF_USER = "role = 'user' AND (metadata = '{}' OR json_extract(metadata, '$.injected') IS NOT 1)"

_PREVIEW = ", ".join(_BEGINNING.format(condition=one) for one in (_OF_USER, "NOT is_summary", "true"))


def list_page(tx: Tx, filter: Filter, window: Window) -> SessionPage:
    """Return one page of the sessions that pass the filter, and the number of all that pass.

    1. The page is found by narrow columns first, because a sort of wide rows uses temporary files.
    2. A time in the future sorts as now. Only if there is one, the order is an expression that no index serves.
    3. The cursor holds the sort key of the last row of a page: the time and the counter of uses, which is unique.
    4. The rows are completed with previews; the page ends early when it exceeds `answer_bytes`.

    Raises:
        InvalidParams: the cursor is not one of this order.
    """
    conditions, values = _where(tx, filter)
    matches = " AND ".join(conditions) or "true"
    page = SessionPage(sessions=[], total=_count(tx, conditions, values), next_cursor=None)
    size = 0
    position: tuple[str, int] | None = None
    for number, row in enumerate(_rows(tx, matches, values, window)):
        if row is not None:
            size += wire_bytes(row.summary)
        if number == window.limit or (page.sessions and size > window.answer_bytes):
            page.next_cursor = None if position is None else _make_cursor(window.order_by, *position)
            break
        if row is not None:
            position = row.at, row.activity
            page.sessions.append(row.summary)
    return page


class _Row(NamedTuple):
    """A summary with its sort key."""

    at: str
    activity: int
    summary: SessionSummary


def _rows(tx: Tx, matches: str, values: dict[str, Any], window: Window) -> Iterator[_Row | None]:
    """Yield the rows of the page and one more, in order, and None for each row that cannot be decoded."""
    column = window.order_by
    future = tx.run(f"SELECT 1 FROM sessions WHERE {column} > :now LIMIT 1", now=tx.at).fetchone()
    key = f"min({column}, :now)" if future else column
    after = "true"
    if window.cursor is not None:
        at, activity = _parse_cursor(window.cursor, column)
        after = f"({key}, activity) < (:at, :activity)"
        values = {**values, "at": at, "activity": activity}
    order = f"{key} DESC, activity DESC"
    page = f"SELECT rowid FROM sessions WHERE {matches} AND {after} ORDER BY {order} LIMIT :limit OFFSET :offset"
    metadata = ", metadata" if window.with_metadata else ""
    select = f"{SELECT_SUMMARY} {metadata}, {key}, activity, coalesce({_PREVIEW})"
    return iterate_valid(
        tx,
        "session",
        lambda row: _Row(row[-3], row[-2], _summary(row, window.preview_chars)),
        f"WITH page (page_id) AS MATERIALIZED ({page}) {select} FROM page CROSS JOIN sessions ON rowid = page_id"
        f" ORDER BY {order}",
        page,
        f"{select} FROM sessions WHERE rowid = :rowid",
        **values,
        limit=window.limit + 1,
        offset=window.offset,
        preview_chars=window.preview_chars,
        now=tx.at,
    )


def by_ids(tx: Tx, ids: list[str], preview_chars: int = PREVIEW_CHARS) -> list[SessionSummary]:
    """Return the sessions with these ids, in this order. Rows that cannot be decoded are left out."""
    select = f"{SELECT_SUMMARY}, '', 0, coalesce({_PREVIEW}) FROM sessions WHERE id = :id"
    found: list[SessionSummary] = []
    for id in ids:
        row = tx.run(select, id=id, preview_chars=preview_chars).fetchone()
        with suppress(InvalidData):
            found += [_summary(row, preview_chars)] if row else []
    return found


def _count(tx: Tx, conditions: list[str], values: dict[str, Any]) -> int:
    """Return how many sessions meet all conditions.

    Those of stores are counted by their index and subtracted, because a look at the metadata of all sessions takes
    longer than the page.
    """
    others = " AND ".join(one for one in conditions if one is not NOT_OF_A_STORE) or "true"
    total: int = tx.run(f"SELECT count(*) FROM sessions WHERE {others}", **values).fetchone()[0]
    if NOT_OF_A_STORE in conditions:
        of_stores = f"SELECT count(*) FROM sessions WHERE {OF_A_STORE} AND {others}"
        total -= tx.run(of_stores, **values).fetchone()[0]
    return total


def _where(tx: Tx, filter: Filter) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions that are given; SQLite can use an index for them if the other ones are left out."""
    values: dict[str, Any] = {name: value for name, value in filter._asdict().items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values if name in _CONDITIONS]
    if filter.archived is not None:
        conditions.append("archived" if filter.archived else "NOT archived")
    if filter.source is not None:
        conditions.append("source_tool = :source" if filter.source else "source_tool IS NULL")
    if filter.name_contains is not None:
        values["name_contains"] = filter.name_contains.casefold()
    if filter.tags is not None:
        values["tags"] = json.dumps(filter.tags)
    if "segue.kind" not in (filter.metadata or {}) and not filter.id_prefix:
        conditions.append(NOT_OF_A_STORE)
    if filter.metadata is not None:
        values["metadata"] = msgspec.json.encode(filter.metadata).decode()
        tx.connection.create_function("has_members", 2, has_members, deterministic=True)
    return conditions, values


def has_members(metadata: str, wanted: str) -> bool:
    """Return True if the object has each member of the wanted one, with an equal value."""
    try:
        stored = msgspec.json.decode(metadata, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return False
    members = msgspec.json.decode(wanted, type=dict[str, Any])
    return all(name in stored and _sorted(stored[name]) == _sorted(value) for name, value in members.items())


def _sorted(value: Any) -> bytes:
    # Compared as text, because Python considers true, 1 and 1.0 equal.
    return msgspec.json.encode(value, order="sorted")


def _make_cursor(column: str, at: str, activity: int) -> str:
    return f"{column[0]}{activity}@{at}"


def _parse_cursor(cursor: str, column: str) -> tuple[str, int]:
    activity, _, at = cursor[1:].partition("@")
    if (
        cursor[:1] != column[0]
        or not activity.isdecimal()
        or len(activity) > 18
        or len(at) != len("2026-11-21T14:23:05.123Z")
    ):
        raise InvalidParams(f"not a cursor of a list by {column}; leave it out to begin again", path="$.cursor")
    return at, int(activity)


def _summary(row: tuple[Any, ...], preview_chars: int) -> SessionSummary:
    preview = row[-1]
    text = preview.decode("utf-8", "ignore")[:preview_chars] if isinstance(preview, bytes) else preview
    return to_summary(row[:-3], text)


def complete(tx: Tx, prefix: str, limit: int) -> list[tuple[SessionSummary, int]]:
    """Return sessions whose id begins with the prefix, else those whose name contains it, newest first.

    Each has the whole seconds since its last message.
    """
    for filter in (Filter(id_prefix=prefix), Filter(name_contains=prefix)):
        page = list_page(tx, filter, Window(limit=limit, preview_chars=0))
        if page.sessions:
            return [(one, _idle_seconds(tx, one)) for one in page.sessions]
    return []


def _idle_seconds(tx: Tx, session: SessionSummary) -> int:
    try:
        return max(0, tx.now - milliseconds(session.last_message_at)) // 1000
    except ValueError:
        raise InvalidData("session", session.id) from None
