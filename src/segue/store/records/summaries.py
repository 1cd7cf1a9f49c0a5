"""Save and read summaries of ranges of messages; the messages stay."""

from collections.abc import Iterator
from typing import Any

from segue.errors import InvalidParams, NotFound
from segue.models import Summary
from segue.store.engine.rows import decode, iterate_valid
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions

COLUMNS = Summary.__struct_fields__
_SELECT = f"SELECT {', '.join(COLUMNS)}"
_SELECT_ALL = f"SELECT {', '.join(f'summaries.{name}' for name in COLUMNS)}"
_NEWEST_FIRST = "FROM summaries WHERE session_id = :session_id ORDER BY id DESC"
_BY_NUMBER = """
    FROM summaries JOIN sync_summaries AS s ON s.id = summaries.id
    LEFT JOIN sync_imported AS i ON i.kind = 2 AND i.id = summaries.id
    WHERE session_id = :session_id
    ORDER BY s.number DESC, (SELECT uid FROM sync_machines WHERE n = coalesce(i.machine, (
        SELECT e.machine FROM sync_epochs AS e WHERE e.kind = 2 AND e.first_id <= summaries.id
        ORDER BY e.first_id DESC LIMIT 1
    ))) DESC, coalesce(i.oid, summaries.id) DESC
"""
"""The order of summaries that several machines saved, which is the same on all of them."""


def save(tx: Tx, session_id: str, summary: str, messages_start: int, messages_end: int, token_count: int) -> Summary:
    """Save a summary, which becomes the session's newest.

    Raises:
        NotFound: there is no such session or message.
        InvalidParams: a message is of another session, or the range ends before it starts.
    """
    scope = sessions.scope(tx, session_id)
    for name, message_id in (("messages_start", messages_start), ("messages_end", messages_end)):
        messages.require(tx, message_id, session_id, f"$.{name}")
    if messages_start > messages_end:
        raise InvalidParams(f"message {messages_end} comes before messages_start", path="$.messages_end")
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


def get(tx: Tx, summary_id: int) -> Summary:
    """Return the summary.

    Raises:
        NotFound: there is no such summary.
        InvalidData: the row cannot be decoded.
    """
    row = tx.run(f"{_SELECT} FROM summaries WHERE id = :id", id=summary_id).fetchone()
    if row is None:
        raise NotFound("summary", summary_id)
    return _to_summary(row)


def latest(tx: Tx, session_id: str) -> Summary | None:
    """Return the session's newest summary, or None if it has none.

    Raises:
        NotFound: there is no such session.
        InvalidData: the row cannot be decoded.
    """
    sessions.require(tx, session_id)
    sql = f"{_SELECT_ALL} {_newest_first(tx, session_id)} LIMIT 1"
    row = tx.run(sql, session_id=session_id).fetchone()
    return None if row is None else _to_summary(row)


def _newest_first(tx: Tx, session_id: str) -> str:
    shared = """
        SELECT 1 FROM summaries AS s JOIN sync_imported AS i ON i.kind = 2 AND i.id = s.id
        WHERE s.session_id = :session_id LIMIT 1
    """
    return _NEWEST_FIRST if tx.run(shared, session_id=session_id).fetchone() is None else _BY_NUMBER


def end_of(tx: Tx, summary: Summary) -> int:
    """Return the id of the last message that the summary covers, or -1 if none of them is here."""
    own = tx.run("SELECT 1 FROM sync_imported WHERE kind = 2 AND id = :id", id=summary.id).fetchone() is None
    if own and messages.conversation(tx, summary.session_id) is None:
        return summary.messages_end
    row = tx.run(
        """
        SELECT o.id FROM sync_order AS o, sync_summaries AS s
        WHERE s.id = :id AND o.session_id = :session_id AND (o.run, o.machine, o.oid) <= (s.run, s.machine, s.oid)
        ORDER BY o.run DESC, o.machine DESC, o.oid DESC LIMIT 1
        """,
        id=summary.id,
        session_id=summary.session_id,
    ).fetchone()
    return -1 if row is None else int(row[0])


def latest_valid(tx: Tx, session_id: str) -> Summary | None:
    """Return the session's newest summary that can be decoded, or None."""
    sql = f"{_SELECT_ALL} {_newest_first(tx, session_id)}"
    found = iterate_valid(tx, _to_summary, sql, session_id=session_id)
    return next((summary for summary in found if summary is not None), None)


def of_session(tx: Tx, session_id: str, after_id: int) -> Iterator[Summary]:
    """Yield the session's summaries with a larger id, oldest first, without the ones that cannot be decoded."""
    sql = f"{_SELECT} FROM summaries WHERE session_id = :session_id AND id > :after_id ORDER BY id"
    found = iterate_valid(tx, _to_summary, sql, session_id=session_id, after_id=after_id)
    return (summary for summary in found if summary is not None)


def _to_summary(row: tuple[Any, ...]) -> Summary:
    return decode(Summary, "summary", COLUMNS, row)
