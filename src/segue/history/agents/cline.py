"""Cline CLI: `~/.cline/data/sessions/ID/ID.messages.json` beside `ID.json`, rewritten whole and in place.

A sub-agent has only `AGENT.messages.json` in its parent's folder, and a row in `db/sessions.db`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.foreign_database import open_copy
from segue.history.reader import Reading, SkipDamaged, blocks, files_below, first, from_iso, from_ms, read_json, texts
from segue.history.records import HistoryMessage, HistorySession, ToolCall

SUFFIX = ".messages.json"
USER_INPUT = re.compile(r"<user_input[^>]*>(.*)</user_input>", re.DOTALL)


class Cline:
    """The histories of Cline CLI."""

    name = "cline"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the sessions."""
        if folder := environment.get("CLINE_SESSION_DATA_DIR"):
            return [Path(folder)]
        if data := environment.get("CLINE_DATA_DIR"):
            return [Path(data) / "sessions"]
        return [Path(environment.get("CLINE_DIR") or home / ".cline") / "data" / "sessions"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the messages of each session and sub-agent."""
        yield from files_below(root, f"*/*{SUFFIX}")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file of messages."""
        found = read_json(item)
        if not isinstance(found, dict) or not isinstance(found.get("messages"), list):
            raise ValueError("not a list of messages")
        name, folder = item.name.removesuffix(SUFFIX), item.parent.name
        session_id = found.get("sessionId") or (name if name == folder else f"{folder}__{name}")
        about = _about(item, session_id)
        skipped: Counter[str] = Counter()
        messages = _messages(found["messages"], skipped)
        session = HistorySession(
            id=session_id,
            path=str(item),
            directory=about.get("cwd"),
            title=about.get("title"),
            provider=about.get("provider"),
            model=about.get("model") or first(message.model for message in messages),
            started_at=from_iso(about.get("started_at")),
            ended_at=from_iso(about.get("ended_at")),
            status={"completed": "completed", "failed": "crashed"}.get(about.get("status", "")),  # type: ignore[arg-type]
            parent=folder if name != folder else None,
            messages=messages,
            metadata={"status": about.get("status")},
        )
        return Reading([session], skipped)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `cline --id`; a sub-agent's session cannot be continued."""
        return None if "__" in session_id else ["cline", "--id", session_id]


def _about(item: Path, session_id: str) -> dict[str, Any]:
    """Return what is known of a session beside its messages."""
    document = item.with_name(item.name.removesuffix(SUFFIX) + ".json")
    if document.is_file():
        found = read_json(document)
        return {**found, "title": (found.get("metadata") or {}).get("title")}
    database = item.parents[2] / "db" / "sessions.db"
    if not database.is_file():
        return {}
    sql = "SELECT cwd, provider, model, started_at, ended_at, status FROM sessions WHERE session_id = ?"
    with open_copy(database) as rows:
        return dict(next(rows.select(sql, session_id), {}))


def _messages(records: list[Any], skipped: Counter[str]) -> list[HistoryMessage]:
    messages: list[HistoryMessage] = []
    calls: dict[str, ToolCall] = {}
    for record in records:
        with SkipDamaged(skipped):
            for block in blocks(record.get("content"), ("tool_result",)):
                if call := calls.get(block.get("tool_use_id", "")):
                    call.result, call.is_error = _result(block)
            if message := _message(record, str(len(messages))):
                calls |= {call.id: call for call in message.tool_calls}
                messages.append(message)
    return messages


def _message(record: dict[str, Any], number: str) -> HistoryMessage | None:
    content, role = record.get("content"), record.get("role")
    text = texts(content)
    made = [
        ToolCall(id=block.get("id", ""), name=block.get("name", ""), arguments=block.get("input"))
        for block in blocks(content, ("tool_use",))
    ]
    if role not in ("user", "assistant") or not (text or made or role == "assistant"):
        return None
    if role == "user" and (typed := USER_INPUT.search(text)):
        text = typed[1]
    thinking = "".join(block.get("thinking") or "" for block in blocks(content, ("thinking",)))
    metrics = record.get("metrics") or {}
    return HistoryMessage(
        key=record.get("id") or number,
        role=role,
        text=text,
        at=from_ms(record.get("ts")),
        kind="error" if (record.get("metadata") or {}).get("displayOnly") else None,
        thinking=thinking or None,
        tool_calls=made,
        model=(record.get("modelInfo") or {}).get("id") if role == "assistant" else None,
        input_tokens=metrics.get("inputTokens"),
        output_tokens=metrics.get("outputTokens"),
    )


def _result(block: dict[str, Any]) -> tuple[str, bool]:
    """Return the text of a result, which is a string or a list of queries with their results."""
    content = block.get("content")
    if not isinstance(content, list):
        return texts(content), bool(block.get("is_error"))
    parts = [part.get("result", part.get("text", "")) for part in content if isinstance(part, dict)]
    failed = any(part.get("success") is False for part in content if isinstance(part, dict))
    return "\n".join(part if isinstance(part, str) else str(part) for part in parts), failed
