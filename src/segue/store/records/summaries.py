"""Summaries of ranges of messages; the messages themselves stay."""

from segue.errors import InvalidParams
from segue.models import Summary
from segue.store.engine.rows import decode
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions

COLUMNS = ("id", "session_id", "summary", "messages_start", "messages_end", "token_count", "created_at")

_LATEST = """
    SELECT id, session_id, summary, messages_start, messages_end, token_count, created_at
    FROM summaries WHERE session_id = :session_id ORDER BY id DESC LIMIT 1
"""


def save(tx: Tx, session_id: str, summary: str, messages_start: int, messages_end: int, token_count: int) -> Summary:
    """A new summary, the session's newest.

    Raises NotFound for an unknown session or message, InvalidParams for a message of another session or a
    range that ends before it starts.
    """
    scope = sessions.scope(tx, session_id)
    for name, message_id in (("messages_start", messages_start), ("messages_end", messages_end)):
        if messages.get(tx, message_id).session_id != session_id:
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
    saved = decode(Summary, "summary", COLUMNS, tx.run(_LATEST, session_id=session_id).fetchone())
    tx.emit("summary.saved", saved, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)
    return saved


def latest(tx: Tx, session_id: str) -> Summary | None:
    """The session's newest summary, if it has one; NotFound if there is no such session."""
    sessions.require(tx, session_id)
    row = tx.run(_LATEST, session_id=session_id).fetchone()
    return None if row is None else decode(Summary, "summary", COLUMNS, row)
