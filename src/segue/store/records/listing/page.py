"""List sessions with previews, newest first."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from segue.errors import InvalidData, InvalidParams
from segue.models import MAX_INTEGER, SessionOrder, SessionSummary
from segue.results import SessionPage
from segue.store.engine.rows import iterate_valid, wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records.listing.filter import Filter, Selection, select
from segue.store.records.message import from_user
from segue.store.records.session_row import SELECT_SUMMARY, to_summary
from segue.timestamps import milliseconds

PREVIEW_CHARS = 100
"""Characters: the default length of a preview."""


class Window(NamedTuple):
    """The part of a list to return: after a cursor, or from an offset on."""

    order_by: SessionOrder = "last_message_at"
    limit: int = 20
    offset: int = 0
    cursor: str | None = None
    preview_chars: int = 100
    with_metadata: bool = False
    answer_bytes: int = 2**63 - 1


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

_OF_USER = f"""
    role = 'user' AND (metadata = '{{}}' OR NOT json_valid(metadata) OR json_extract(metadata, '$.injected') IS NOT 1)
    AND id >= {from_user.FIRST_ID.format(session="sessions.id")}
"""

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
    found = select(tx, filter)
    page = SessionPage(sessions=[], total=found.total, next_cursor=None)
    if found.total == 0 and window.cursor is None:
        return page
    size = 0
    position: tuple[str, int] | None = None
    for number, row in enumerate(_rows(tx, found, window)):
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


_PAGE = "SELECT rowid FROM sessions {hint} WHERE {matches} AND {after} ORDER BY {order} LIMIT :limit OFFSET :offset"

_HINTS: dict[SessionOrder, str] = {
    "last_message_at": "INDEXED BY sessions_by_last_message",
    "created_at": "INDEXED BY sessions_by_creation",
}

_LATER = """
    FROM sessions INDEXED BY sessions_updated_later WHERE updated_at <> last_message_at AND {matches} AND {after}
    ORDER BY updated_at DESC, activity DESC
"""

_PAGE_BY_UPDATE = f"""
    SELECT page_id FROM (
        SELECT * FROM (SELECT rowid AS page_id, updated_at AS at, activity AS used {_LATER} LIMIT :reach)
        UNION ALL SELECT * FROM (
            SELECT rowid, last_message_at, activity FROM sessions INDEXED BY sessions_by_last_message
            WHERE updated_at = last_message_at AND {{matches}} AND {{after_message}}
              AND last_message_at >= coalesce((SELECT updated_at {_LATER} LIMIT 1 OFFSET :reach - 1), '')
            ORDER BY last_message_at DESC, activity DESC LIMIT :reach
        )
    ) ORDER BY at DESC, used DESC LIMIT :limit OFFSET :offset
"""
"""The page by `updated_at`, without an index that each append would have to change.

1. An append sets both times of its session. Only the sessions that were changed later, such as by their end, are in the
   index sessions_updated_later.
2. The page is among the first `reach` of those and the first `reach` of the others, in the index of last_message_at.
3. The others are only searched down to the last of the first, because a session before it may have been changed later.
"""


def _rows(tx: Tx, found: Selection, window: Window) -> Iterator[_Row | None]:
    """Yield the rows of the page and one more, in order, and None for each row that cannot be decoded."""
    column = window.order_by
    values = found.values
    is_future = _has_future(tx, column)
    key = f"min({column}, :now)" if is_future else column
    after, after_message = "true", "true"
    if window.cursor is not None:
        at, activity = _parse_cursor(window.cursor, column)
        after, after_message = (f"({one}, activity) < (:at, :activity)" for one in (key, "last_message_at"))
        values = {**values, "at": at, "activity": activity}
    order = f"{key} DESC, activity DESC"
    in_order = not found.is_few and not is_future
    page = (_PAGE_BY_UPDATE if column == "updated_at" and in_order else _PAGE).format(
        hint=_HINTS.get(column, "") if in_order else "",
        matches=found.matches,
        after=after,
        after_message=after_message,
        order=order if in_order else f"+{order}",  # The sign keeps SQLite from reading all sessions in this order.
    )
    metadata = ", metadata" if window.with_metadata else ""
    select = f"{SELECT_SUMMARY} {metadata}, {key}, activity, coalesce({_PREVIEW})"
    return iterate_valid(
        tx,
        lambda row: _Row(row[-3], row[-2], _summary(row, window.preview_chars)),
        f"WITH page (page_id) AS MATERIALIZED ({page}) {select} FROM page CROSS JOIN sessions ON rowid = page_id"
        f" ORDER BY {order}",
        **values,
        limit=window.limit + 1,
        offset=window.offset,
        reach=min(window.limit + 1 + window.offset, MAX_INTEGER),
        preview_chars=window.preview_chars,
        now=tx.at,
    )


def _has_future(tx: Tx, column: SessionOrder) -> bool:
    """Return True if a session has a time in the future."""
    if column == "updated_at" and _has_future(tx, "last_message_at"):
        return True
    later = "AND updated_at <> last_message_at" if column == "updated_at" else ""
    return bool(tx.run(f"SELECT 1 FROM sessions WHERE {column} > :now {later} LIMIT 1", now=tx.at).fetchone())


def by_ids(tx: Tx, ids: list[str], preview_chars: int = PREVIEW_CHARS) -> list[SessionSummary]:
    """Return the sessions with these ids, in this order. Rows that cannot be decoded are left out."""
    select = f"{SELECT_SUMMARY}, '', 0, coalesce({_PREVIEW}) FROM sessions WHERE id = :id"
    found: list[SessionSummary] = []
    for id in ids:
        row = tx.run(select, id=id, preview_chars=preview_chars).fetchone()
        with suppress(InvalidData):
            found += [_summary(row, preview_chars)] if row else []
    return found


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
    window = Window(limit=limit, preview_chars=0)
    for filter in (Filter(id_prefix=prefix or None), Filter(name_contains=prefix)):
        rows = islice(_rows(tx, select(tx, filter, counted=False), window), limit)
        found = [row.summary for row in rows if row is not None]
        if found:
            return [(one, _idle_seconds(tx, one)) for one in found]
    return []


def _idle_seconds(tx: Tx, session: SessionSummary) -> int:
    try:
        return max(0, tx.now - milliseconds(session.last_message_at)) // 1000
    except ValueError:
        raise InvalidData("session", session.id) from None
