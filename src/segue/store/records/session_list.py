"""List sessions with previews, newest first."""

from typing import NamedTuple

from segue.models import SessionOrder, SessionSummary
from segue.results import SessionPage
from segue.store.engine.rows import decode, iterate_valid
from segue.store.engine.tx import Tx

COLUMNS = SessionSummary.__struct_fields__
"""The members of a summary. All but the last one, the preview, are columns of the table `sessions`."""


class Filter(NamedTuple):
    """Conditions on sessions; None accepts all. `id_prefix` and `name_contains` are literal."""

    working_dir: str | None = None
    bot_id: str | None = None
    status: str | None = None
    id_prefix: str | None = None
    name_contains: str | None = None
    pinned: bool | None = None


_CONDITIONS = {
    "working_dir": "working_dir = :working_dir",
    "bot_id": "bot_id = :bot_id",
    "status": "status = :status",
    "id_prefix": "substr(id, 1, length(:id_prefix)) = :id_prefix",
    "name_contains": "instr(casefold(coalesce(name, '')), :name_contains) > 0",
    "pinned": "pinned = :pinned",
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

_PREVIEW = ", ".join(_BEGINNING.format(condition=one) for one in ("role = 'user'", "NOT is_summary", "true"))
_SELECT = f"SELECT {', '.join(COLUMNS[:-1])}, coalesce({_PREVIEW}) FROM"


def list_page(
    tx: Tx, filter: Filter, *, order_by: SessionOrder, limit: int, offset: int, preview_chars: int
) -> SessionPage:
    """Return one page of the sessions that pass the filter, and the number of all that pass.

    The page is found by narrow columns first and completed then, because a sort of wide rows uses temporary files.
    """
    given = {name: value for name, value in filter._asdict().items() if value is not None}
    # Conditions that are not given are left out, so that SQLite can use an index for the ones that are.
    matches = " AND ".join(_CONDITIONS[name] for name in given) or "true"
    if filter.name_contains is not None:
        given["name_contains"] = filter.name_contains.casefold()
    total = tx.run(f"SELECT count(*) FROM sessions WHERE {matches}", **given).fetchone()[0]
    order = f"{order_by} DESC, activity DESC"
    page = f"SELECT rowid FROM sessions WHERE {matches} ORDER BY {order} LIMIT :limit OFFSET :offset"
    found = iterate_valid(
        tx,
        "session",
        lambda row: _summary(row, preview_chars),
        f"WITH page (page_id) AS MATERIALIZED ({page}) {_SELECT} page CROSS JOIN sessions ON rowid = page_id"
        f" ORDER BY {order}",
        page,
        f"{_SELECT} sessions WHERE rowid = :rowid",
        limit=limit,
        offset=offset,
        preview_chars=preview_chars,
        **given,
    )
    return SessionPage(sessions=[summary for summary in found if summary is not None], total=total)


def _summary(row: tuple[object, ...], preview_chars: int) -> SessionSummary:
    preview = row[-1]
    text = preview.decode("utf-8", "ignore")[:preview_chars] if isinstance(preview, bytes) else preview
    return decode(SessionSummary, "session", COLUMNS, (*row[:-1], text))
