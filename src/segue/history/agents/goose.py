"""Goose: `sessions.db` in the platform's data folder.

Goose deletes and inserts all rows of a session when it compacts, so a message's key is its time and content, never the
row's id. The shapes of the content parts are taken from its published schema.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import SkipDamaged, blocks, from_iso, from_seconds, texts
from segue.history.records import HistoryMessage, HistorySession, ToolCall


class Goose(DatabaseReader):
    """The histories of Goose."""

    name = "goose"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        if platform == "darwin":
            return [home / "Library/Application Support/Block/goose/sessions/sessions.db"]
        return [Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "goose/sessions/sessions.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session."""
        sql = "SELECT id, name, description, working_dir, created_at FROM sessions ORDER BY created_at, id"
        for row in rows.select(sql):
            yield HistorySession(
                id=row["id"],
                path=str(item),
                directory=row["working_dir"],
                title=row["name"] or row["description"] or None,
                started_at=from_iso(row["created_at"]),
                messages=_messages(rows, row["id"], skipped),
            )

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `goose session --resume`."""
        return ["goose", "session", "--resume", "--session-id", session_id]


def _messages(rows: Rows, session_id: str, skipped: Counter[str]) -> list[HistoryMessage]:
    sql = "SELECT role, content_json, created_timestamp FROM messages WHERE session_id = ? ORDER BY id"
    messages: list[HistoryMessage] = []
    calls: dict[str, ToolCall] = {}
    keys: Counter[str] = Counter()
    for row in rows.select(sql, session_id):
        with SkipDamaged(skipped):
            parts = msgspec.json.decode(row["content_json"], type=list[dict[str, Any]])
            _add_results(parts, calls)
            message = _message(row, parts)
            keys[message.key] += 1
            if keys[message.key] > 1:  # The same text twice within a second.
                message.key += f"-{keys[message.key]}"
            calls |= {call.id: call for call in message.tool_calls}
            if message.text or message.tool_calls:
                messages.append(message)
    return messages


def _message(row: Any, parts: list[dict[str, Any]]) -> HistoryMessage:
    return HistoryMessage(
        key=f"{row['created_timestamp']}-{sha256(row['content_json'].encode()).hexdigest()[:16]}",
        role=row["role"],
        text=texts(parts),
        at=from_seconds(row["created_timestamp"]),
        tool_calls=[_call(part) for part in blocks(parts, ("toolRequest",))],
    )


def _call(part: dict[str, Any]) -> ToolCall:
    value = (part.get("toolCall") or {}).get("value") or {}
    return ToolCall(id=part.get("id", ""), name=value.get("name", ""), arguments=value.get("arguments"))


def _add_results(parts: list[dict[str, Any]], calls: dict[str, ToolCall]) -> None:
    for part in blocks(parts, ("toolResponse",)):
        if call := calls.get(part.get("id", "")):
            outcome = part.get("toolResult") or {}
            value = outcome.get("value") or {}
            call.result = texts(value.get("content"))
            call.is_error = bool(value.get("isError")) or outcome.get("status") == "error"
