"""boternity: `~/.boternity/boternity.db`, with bots, memories, summaries and pending extractions."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import from_iso
from segue.history.records import HistoryMessage, HistorySession

SESSIONS = """
    SELECT s.id, s.title, s.started_at, s.ended_at, s.model, s.status, b.slug, b.name AS bot_name
    FROM chat_sessions AS s JOIN bots AS b ON b.id = s.bot_id ORDER BY s.started_at, s.id
"""
MESSAGES = """
    SELECT id, role, content, created_at, input_tokens, output_tokens, model, stop_reason, response_ms
    FROM chat_messages WHERE session_id = ? ORDER BY created_at, id
"""
SUMMARIES = """
    SELECT summary, messages_start, messages_end, token_count FROM context_summaries
    WHERE session_id = ? ORDER BY created_at, id
"""
MEMORIES = """
    SELECT id, fact, category, importance, source_message_id, superseded_by, is_manual FROM session_memories
    WHERE session_id = ? ORDER BY created_at, id
"""
EXTRACTIONS = "SELECT attempt_count, error_message FROM pending_memory_extractions WHERE session_id = ? ORDER BY id"


class Boternity(DatabaseReader):
    """The store of boternity."""

    name = "boternity"
    counted = ("SELECT count(*) FROM chat_sessions",)

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        return [home / ".boternity/boternity.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session; its bot, summaries, memories and extractions are in `metadata`."""
        for row in rows.select(SESSIONS):
            yield HistorySession(
                id=row["id"],
                path=str(item),
                title=row["title"],
                model=row["model"],
                started_at=from_iso(row["started_at"]),
                ended_at=from_iso(row["ended_at"]),
                status=row["status"] if row["status"] != "active" else None,
                messages=list(_messages(rows, row["id"])),
                metadata={"bot": row["slug"], "bot_name": row["bot_name"]} | _others(rows, row["id"]),
            )


def _messages(rows: Rows, session_id: str) -> Iterator[HistoryMessage]:
    for row in rows.select(MESSAGES, session_id):
        yield HistoryMessage(
            key=row["id"],
            role=row["role"].lower(),
            text=row["content"],
            at=from_iso(row["created_at"]),
            model=row["model"],
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            stop_reason=row["stop_reason"],
            response_ms=row["response_ms"],
        )


def _others(rows: Rows, session_id: str) -> dict[str, Any]:
    kinds = {"summaries": SUMMARIES, "memories": MEMORIES, "pending_extractions": EXTRACTIONS}
    found = {kind: [dict(row) for row in rows.select(sql, session_id)] for kind, sql in kinds.items()}
    return {kind: several for kind, several in found.items() if several}
