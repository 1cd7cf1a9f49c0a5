"""Lists of sessions with their previews, newest first."""

from typing import NamedTuple

from segue.models import SessionOrder, SessionSummary
from segue.results import SessionPage
from segue.store.engine.rows import decode
from segue.store.engine.tx import Tx

COLUMNS = (
    "id", "bot_id", "working_dir", "name", "provider", "model", "status", "pinned", "created_at", "updated_at",
    "last_message_at", "ended_at", "message_count", "input_tokens", "output_tokens", "preview",
)  # fmt: skip


class Filter(NamedTuple):
    """Which sessions; None where it does not matter. `id_prefix` and `name_contains` are literal."""

    working_dir: str | None = None
    bot_id: str | None = None
    status: str | None = None
    id_prefix: str | None = None
    name_contains: str | None = None
    pinned: bool | None = None


_MATCHES = """
    (:bot_id IS NULL OR bot_id = :bot_id)
    AND (:status IS NULL OR status = :status)
    AND (:pinned IS NULL OR pinned = :pinned)
    AND (:id_prefix IS NULL OR substr(id, 1, length(:id_prefix)) = :id_prefix)
    AND (:name_contains IS NULL OR instr(casefold(coalesce(name, '')), :name_contains) > 0)
"""

# A condition on the directory that is only there when it is asked for lets SQLite use the index of it; the
# same for the order. The page is found by its narrow columns first, then filled: sorting wide rows spills.
_PLACES = {False: "", True: "working_dir = :working_dir AND"}

_TOTAL = {placed: f"SELECT count(*) FROM sessions WHERE {place} {_MATCHES}" for placed, place in _PLACES.items()}

_PAGE = {
    (placed, order): f"""
    WITH page AS MATERIALIZED (
        SELECT id AS page_id FROM sessions WHERE {place} {_MATCHES}
        ORDER BY {order} DESC, activity DESC LIMIT :limit OFFSET :offset
    )
    SELECT id, bot_id, working_dir, name, provider, model, status, pinned, created_at, updated_at,
           last_message_at, ended_at, message_count, input_tokens, output_tokens,
           coalesce(
               (SELECT coalesce(substr(CAST(content AS BLOB), 1, 4 * :preview_chars), x'') FROM messages
                WHERE session_id = sessions.id AND role = 'user'
                  AND id >= coalesce((SELECT before_id FROM purges WHERE session_id = sessions.id), 0)
                ORDER BY id LIMIT 1),
               (SELECT coalesce(substr(CAST(content AS BLOB), 1, 4 * :preview_chars), x'') FROM messages
                WHERE session_id = sessions.id AND NOT is_summary
                  AND id >= coalesce((SELECT before_id FROM purges WHERE session_id = sessions.id), 0)
                ORDER BY id LIMIT 1),
               (SELECT coalesce(substr(CAST(content AS BLOB), 1, 4 * :preview_chars), x'') FROM messages
                WHERE session_id = sessions.id
                  AND id >= coalesce((SELECT before_id FROM purges WHERE session_id = sessions.id), 0)
                ORDER BY id LIMIT 1)
           )
    FROM page CROSS JOIN sessions ON id = page_id
    ORDER BY {order} DESC, activity DESC
    """
    for placed, place in _PLACES.items()
    for order in ("last_message_at", "created_at", "updated_at")
}


def list_page(
    tx: Tx, filter: Filter, *, order_by: SessionOrder, limit: int, offset: int, preview_chars: int
) -> SessionPage:
    """One page of the sessions that pass the filter, and how many pass in all."""
    placed = filter.working_dir is not None
    needle = filter.name_contains
    values = filter._replace(name_contains=None if needle is None else needle.casefold())._asdict()
    total = tx.run(_TOTAL[placed], **values).fetchone()[0]
    rows = tx.run(_PAGE[placed, order_by], limit=limit, offset=offset, preview_chars=preview_chars, **values)
    return SessionPage(sessions=[_summary(row, preview_chars) for row in rows], total=total)


def _summary(row: tuple[object, ...], preview_chars: int) -> SessionSummary:
    # SQLite's substr() of text stops at a NUL, so it is given bytes: four of them hold any character. Of no bytes
    # it gives NULL, which would pass for no message; hence the coalesce to x''.
    preview = row[-1]
    text = preview.decode("utf-8", "ignore")[:preview_chars] if isinstance(preview, bytes) else preview
    return decode(SessionSummary, "session", COLUMNS, (*row[:-1], text))
