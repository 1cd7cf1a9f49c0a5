"""Crush: `PROJECT/.crush/crush.db`; the directory is the file's place, and times are seconds."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import SkipDamaged, first, from_seconds
from segue.history.records import HistoryMessage, HistorySession, ToolCall

FOLDERS_DEEP = 4
"""Levels below the home folder in which projects are looked for; Crush keeps no list of them."""


class Crush(DatabaseReader):
    """The histories of Crush."""

    name = "crush"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the home folder, below which projects are."""
        return [home]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the database of each project below the root, down to four levels; hidden folders are left out."""
        top = len(root.parts)
        for folder, names, _ in os.walk(root):
            database = Path(folder) / ".crush" / "crush.db"
            if database.is_file():
                yield database
            deep = len(Path(folder).parts) - top >= FOLDERS_DEEP
            names[:] = [] if deep else sorted(name for name in names if not name.startswith((".", "node_modules")))

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session."""
        sql = "SELECT id, parent_session_id, title, created_at FROM sessions ORDER BY created_at, id"
        for row in rows.select(sql):
            messages = _messages(rows, row["id"], skipped)
            yield HistorySession(
                id=row["id"],
                path=str(item),
                directory=str(item.parent.parent),
                title=row["title"],
                model=first(message.model for message in messages),
                started_at=from_seconds(row["created_at"]),
                parent=row["parent_session_id"],
                messages=messages,
            )

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `crush --session`; a sub-agent's session cannot be continued."""
        return None if "$$" in session_id else ["crush", "--session", session_id]


def _messages(rows: Rows, session_id: str, skipped: Counter[str]) -> list[HistoryMessage]:
    sql = """
        SELECT id, role, parts, model, created_at, is_summary_message
        FROM messages WHERE session_id = ? ORDER BY created_at, rowid
    """
    messages: list[HistoryMessage] = []
    calls: dict[str, ToolCall] = {}
    for row in rows.select(sql, session_id):
        with SkipDamaged(skipped):
            parts = msgspec.json.decode(row["parts"], type=list[dict[str, Any]])
            if row["role"] == "tool":
                _add_results(parts, calls)
                continue
            message = _message(row, parts)
            calls |= {call.id: call for call in message.tool_calls}
            messages.append(message)
    return messages


def _message(row: Any, parts: list[dict[str, Any]]) -> HistoryMessage:
    return HistoryMessage(
        key=row["id"],
        role=row["role"],
        text="\n".join(data["text"] for data in _of(parts, "text")),
        at=from_seconds(row["created_at"]),
        kind="summary" if row["is_summary_message"] else None,
        thinking=first(data.get("thinking") for data in _of(parts, "reasoning")),
        tool_calls=[_call(data) for data in _of(parts, "tool_call")],
        model=row["model"] or None,
        aborted=any(data.get("reason") == "canceled" for data in _of(parts, "finish")),
    )


def _of(parts: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [part["data"] for part in parts if part.get("type") == kind and isinstance(part.get("data"), dict)]


def _call(data: dict[str, Any]) -> ToolCall:
    try:
        arguments = msgspec.json.decode(data.get("input") or "{}")
    except msgspec.DecodeError:
        arguments = data.get("input")
    return ToolCall(id=data.get("id", ""), name=data.get("name", ""), arguments=arguments)


def _add_results(parts: list[dict[str, Any]], calls: dict[str, ToolCall]) -> None:
    for data in _of(parts, "tool_result"):
        if call := calls.get(data.get("tool_call_id", "")):
            call.result, call.is_error = data.get("content"), bool(data.get("is_error"))
