"""Qwen Code: `~/.qwen/projects/DIRECTORY/chats/SESSION.jsonl`, records that are only appended.

`provenance` says who wrote a record. A sub-agent has a file of its own below `subagents/SESSION`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.lines import continue_lines
from segue.history.reader import Reading, SkipDamaged, files_below, first, from_iso
from segue.history.records import HistoryMessage, HistorySession, ToolCall


class Qwen:
    """The histories of Qwen Code."""

    name = "qwen"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the projects."""
        folder = environment.get("QWEN_RUNTIME_DIR") or environment.get("QWEN_HOME") or home / ".qwen"
        return [Path(folder) / "projects"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each session and each sub-agent's session."""
        yield from files_below(root, "*/chats/*.jsonl")
        yield from files_below(root, "*/subagents/*/agent-*.jsonl")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Chat)
        chat = lines.state
        for record in lines.records(skipped):
            with SkipDamaged(skipped):
                chat.add(record, lines.number, skipped)
        parent = item.parent.name if item.parent.parent.name == "subagents" else None
        session = HistorySession(
            id=f"{parent}/{item.stem.removeprefix('agent-')}" if parent else item.stem,
            path=str(item),
            directory=chat.directory,
            title=chat.title,
            model=first(message.model for message in chat.messages),
            started_at=first(message.at for message in chat.messages),
            parent=parent,
            messages=chat.messages,
        )
        return Reading([session] if chat.messages else [], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `qwen --resume`; a sub-agent's session cannot be continued."""
        return None if "/" in session_id else ["qwen", "--resume", session_id]


class _Chat:
    """The records of a file."""

    def __init__(self) -> None:
        self.messages: list[HistoryMessage] = []
        self.calls: dict[str, ToolCall] = {}
        self.directory: Any = None
        self.title: Any = None

    def add(self, record: dict[str, Any], number: int, skipped: Counter[str]) -> None:
        """Take the next record."""
        kind = record.get("type")
        self.directory = self.directory or record.get("cwd")
        if kind == "tool_result":
            _add_results(record, self.calls)
        elif kind in ("user", "assistant"):
            if message := _message(record, f"line-{number}"):
                self.calls |= {call.id: call for call in message.tool_calls}
                self.messages.append(message)
        elif kind == "system" and record.get("subtype") == "custom_title":
            self.title = (record.get("systemPayload") or {}).get("customTitle") or self.title
        elif kind != "system":
            skipped[f"unknown record {kind}"] += 1


def _message(record: dict[str, Any], key: str) -> HistoryMessage | None:
    """Return a record's message, None for a record without parts, as it counts a sub-agent's tokens."""
    parts = [part for part in (record.get("message") or {}).get("parts") or [] if isinstance(part, dict)]
    if not parts:
        return None
    thoughts = [part["text"] for part in parts if part.get("thought") and "text" in part]
    found = [part["functionCall"] for part in parts if "functionCall" in part]
    usage = record.get("usageMetadata") or {}
    return HistoryMessage(
        key=record.get("uuid") or key,
        role="user" if record.get("type") == "user" else "assistant",
        text="\n".join(part["text"] for part in parts if "text" in part and not part.get("thought")),
        at=from_iso(record.get("timestamp")),
        kind="notification" if record.get("subtype") == "notification" else None,
        injected=record.get("type") == "user" and record.get("provenance") not in ("real_user", None),
        thinking="\n".join(thoughts) or None,
        tool_calls=[
            ToolCall(id=call.get("id", ""), name=call.get("name", ""), arguments=call.get("args")) for call in found
        ],
        model=record.get("model"),
        input_tokens=usage.get("promptTokenCount"),
        output_tokens=usage.get("candidatesTokenCount"),
    )


def _add_results(record: dict[str, Any], calls: dict[str, ToolCall]) -> None:
    for part in (record.get("message") or {}).get("parts") or []:
        response = part.get("functionResponse") or {}
        if call := calls.get(response.get("id", "")):
            outcome = response.get("response") or {}
            call.result = outcome.get("output", outcome.get("error"))
            call.is_error = "error" in outcome
