"""Save and read summaries of ranges of messages; the messages stay."""

from collections.abc import Iterator
from typing import Any

from segue.errors import InvalidParams
from segue.models import Summary
from segue.store.engine.rows import decode, fetch_row, iterate_valid
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions

COLUMNS = Summary.__struct_fields__
_SELECT = f"SELECT {', '.join(COLUMNS)}"
_NEWEST_FIRST = "FROM summaries WHERE session_id = :session_id ORDER BY id DESC"


def save(tx: Tx, session_id: str, summary: str, messages_start: int, messages_end: int, token_count: int) -> Summary:
    """Save a summary, which becomes the session's newest.

    Raises:
        NotFound: there is no such session or message.
        InvalidParams: a message is of another session, or the range ends before it starts.
    """
    scope = sessions.scope(tx, session_id)
    for name, message_id in (("messages_start", messages_start), ("messages_end", messages_end)):
        if messages.session_of(tx, message_id) != session_id:
            raise InvalidParams("a message of another session", path=f"$.{name}")
    if messages_start > messages_end:
        raise InvalidParams("before messages_start", path="$.messages_end")
    tx.run(
        """
        INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
        VALUES (:session_id, :messages_start, :messages_end, :token_count, :at, :summary)
        """,
        session_id=session_id,
        messages_start=messages_start,
        messages_end=messages_end,
        token_count=token_count,
        at=tx.at,
        summary=summary,
    )
    saved = _to_summary(tx.run(f"{_SELECT} {_NEWEST_FIRST} LIMIT 1", session_id=session_id).fetchone())
    tx.emit("summary.saved", saved, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)
    return saved


def latest(tx: Tx, session_id: str) -> Summary | None:
    """Return the session's newest summary, or None if it has none.

    Raises:
        NotFound: there is no such session.
        InvalidData: the row cannot be decoded.
    """
    sessions.require(tx, session_id)
    row = fetch_row(tx, "summary", session_id, f"{_SELECT} {_NEWEST_FIRST} LIMIT 1", session_id=session_id)
    return None if row is None else _to_summary(row)


def latest_valid(tx: Tx, session_id: str) -> Summary | None:
    """Return the session's newest summary that can be decoded, or None."""
    found = iterate_valid(
        tx,
        "summary",
        _to_summary,
        f"{_SELECT} {_NEWEST_FIRST}",
        f"SELECT id {_NEWEST_FIRST}",
        f"{_SELECT} FROM summaries WHERE id = :rowid",
        session_id=session_id,
    )
    return next((summary for summary in found if summary is not None), None)


def of_session(tx: Tx, session_id: str, after_id: int) -> Iterator[Summary]:
    """Yield the session's summaries with a larger id, oldest first, without the ones that cannot be decoded."""
    source = "FROM summaries WHERE session_id = :session_id AND id > :after_id ORDER BY id"
    found = iterate_valid(
        tx,
        "summary",
        _to_summary,
        f"{_SELECT} {source}",
        f"SELECT id {source}",
        f"{_SELECT} FROM summaries WHERE id = :rowid",
        session_id=session_id,
        after_id=after_id,
    )
    return (summary for summary in found if summary is not None)


def _to_summary(row: tuple[Any, ...]) -> Summary:
    return decode(Summary, "summary", COLUMNS, row)
