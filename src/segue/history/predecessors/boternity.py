"""boternity: `~/.boternity/boternity.db`, with bots, memories, summaries and pending extractions."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import from_iso
from segue.history.records import (
    HistoryBot,
    HistoryExtraction,
    HistoryMemory,
    HistoryMessage,
    HistorySession,
    HistorySummary,
)

SESSIONS = """
    SELECT s.id, s.title, s.started_at, s.ended_at, s.model, s.status, b.slug, b.name AS bot_name
    FROM chat_sessions AS s JOIN bots AS b ON b.id = s.bot_id ORDER BY s.started_at, s.id
"""
MESSAGES = """
    SELECT id, role, content, created_at, input_tokens, output_tokens, model, stop_reason, response_ms
    FROM chat_messages WHERE session_id = ? ORDER BY created_at, id
"""
SUMMARIES = """
    SELECT summary, messages_start, messages_end, token_count, created_at FROM context_summaries
    WHERE session_id = ? ORDER BY created_at, id
"""
MEMORIES = """
    SELECT id, fact, category, importance, source_message_id, superseded_by, is_manual, created_at
    FROM session_memories WHERE session_id = ? ORDER BY created_at, id
"""
EXTRACTIONS = """
    SELECT attempt_count, last_attempt_at, next_attempt_at, error_message, created_at
    FROM pending_memory_extractions WHERE session_id = ? ORDER BY created_at, id
"""


EARLIEST = "1970-01-01T00:00:00.000Z"


class Boternity(DatabaseReader):
    """The store of boternity."""

    name = "boternity"
    counted = ("SELECT count(*) FROM chat_sessions",)

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        return [home / ".boternity/boternity.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session; its bot is named by its slug."""
        for row in rows.select(SESSIONS):
            yield HistorySession(
                id=row["id"],
                path=str(item),
                title=row["title"],
                model=row["model"],
                started_at=from_iso(row["started_at"]),
                ended_at=from_iso(row["ended_at"]),
                status=row["status"] if row["status"] != "active" else None,
                bot=HistoryBot(row["slug"], row["bot_name"]),
                messages=list(_messages(rows, row["id"])),
                summaries=list(_summaries(rows, row["id"])),
                memories=list(_memories(rows, row["id"])),
                extraction=next(_extractions(rows, row["id"]), None),
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


def _summaries(rows: Rows, session_id: str) -> Iterator[HistorySummary]:
    for row in rows.select(SUMMARIES, session_id):
        yield HistorySummary(
            text=row["summary"],
            start=row["messages_start"],
            end=row["messages_end"],
            token_count=row["token_count"],
            at=_time(row["created_at"]),
        )


def _memories(rows: Rows, session_id: str) -> Iterator[HistoryMemory]:
    for row in rows.select(MEMORIES, session_id):
        yield HistoryMemory(
            id=row["id"],
            fact=row["fact"],
            category=row["category"],
            importance=row["importance"],
            source=row["source_message_id"],
            superseded_by=row["superseded_by"],
            is_manual=bool(row["is_manual"]),
            at=_time(row["created_at"]),
        )


def _extractions(rows: Rows, session_id: str) -> Iterator[HistoryExtraction]:
    for row in rows.select(EXTRACTIONS, session_id):
        yield HistoryExtraction(
            attempt_count=row["attempt_count"],
            last_attempt_at=from_iso(row["last_attempt_at"]),
            next_attempt_at=_time(row["next_attempt_at"]),
            error_message=row["error_message"],
            at=_time(row["created_at"]),
        )


def _time(text: Any) -> str:
    """Return a time that the table requires; one that cannot be read is the earliest."""
    return from_iso(text) or EARLIEST
