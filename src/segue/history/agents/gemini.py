"""Gemini CLI: `~/.gemini/tmp/PROJECT/chats/session-MINUTE-ID.jsonl`, lines that are operations on a document.

1. A line with an id is a message; a later line with the same id replaces it, as when the results of its calls arrive.
2. `$set.messages` replaces the client's state: at a resume with poorer copies of all messages, at a compression with
   copies under new ids. Neither holds anything new, so every `$set.messages` is ignored.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.lines import continue_lines
from segue.history.reader import (
    Reading,
    SkipDamaged,
    files_below,
    first,
    from_iso,
    read_bytes,
    read_json,
)
from segue.history.records import HistoryMessage, HistorySession, ToolCall

CANCELLED = "Request cancelled."
CONTEXT_PREFIX = "<session_context>"


class Gemini:
    """The histories of Gemini CLI."""

    name = "gemini"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the projects."""
        return [Path(environment.get("GEMINI_CLI_HOME") or home) / ".gemini" / "tmp"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each session; versions until early 2026 wrote one JSON document."""
        yield from files_below(root, "*/chats/session-*.jsonl")
        yield from files_below(root, "*/chats/session-*.json")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file, nothing for one without a message."""
        skipped: Counter[str] = Counter()
        is_document = item.suffix == ".json"
        lines = continue_lines(item, cursor, _Chat)
        chat = lines.state
        for line in _document(item) if is_document else lines.records(skipped):
            with SkipDamaged(skipped):
                chat.add(line, skipped)
        messages = [message for message in chat.messages.values() if message is not None]
        session = HistorySession(
            id=chat.header.get("sessionId") or item.stem,
            path=str(item),
            directory=_directory(item),
            title=chat.title or chat.header.get("summary"),
            model=first(message.model for message in messages),
            started_at=from_iso(chat.header.get("startTime")),
            messages=messages,
        )
        return Reading([session] if messages else [], skipped, None if is_document else lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `gemini --resume`."""
        return ["gemini", "--resume", session_id]


class _Chat:
    """The lines of a session."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.title: str | None = None
        self.messages: dict[str, HistoryMessage | None] = {}
        """The newest form of each message by its id, None for one that is no message of the conversation."""

    def add(self, line: dict[str, Any], skipped: Counter[str]) -> None:
        """Take the next line."""
        if "sessionId" in line and "id" not in line:
            self.header = self.header or line
        elif isinstance(line.get("id"), str):
            self.messages[line["id"]] = _message(line)
        elif isinstance(line.get("$set"), dict):
            self.title = line["$set"].get("summary") or self.title
        elif "$rewindTo" not in line:
            skipped["unknown line"] += 1


def _document(item: Path) -> Iterator[dict[str, Any]]:
    found = read_json(item)
    if not isinstance(found, dict):
        raise ValueError("not a session")
    yield {key: value for key, value in found.items() if key != "messages"}
    yield from (message for message in found.get("messages") or [] if isinstance(message, dict))


def _message(record: dict[str, Any]) -> HistoryMessage | None:
    """Return a line's message, None for results of calls, the client's context and its notices."""
    kind, content = record.get("type"), record.get("content")
    at, key = from_iso(record.get("timestamp")), record["id"]
    if kind == "info" and content == CANCELLED:
        return HistoryMessage(key=key, role="user", text="", at=at, kind="interrupt")
    text = _text(content)
    if kind == "user":
        return (
            None
            if not text or text.startswith(CONTEXT_PREFIX)
            else HistoryMessage(key=key, role="user", text=text, at=at)
        )
    if kind != "gemini":
        return None
    tokens = record.get("tokens") or {}
    thoughts = [thought.get("description") or "" for thought in record.get("thoughts") or []]
    return HistoryMessage(
        key=key,
        role="assistant",
        text=text,
        at=at,
        thinking="\n".join(thoughts) or None,
        tool_calls=[_call(call) for call in record.get("toolCalls") or []],
        model=record.get("model"),
        input_tokens=tokens.get("input"),
        output_tokens=tokens.get("output"),
    )


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _call(call: dict[str, Any]) -> ToolCall:
    results = [part.get("functionResponse") or {} for part in call.get("result") or [] if isinstance(part, dict)]
    outcome = first(response.get("response") for response in results) or {}
    return ToolCall(
        id=call.get("id") or "",
        name=call.get("name") or "",
        arguments=call.get("args"),
        result=outcome.get("output", outcome.get("error")),
        is_error=call.get("status") == "error" or "error" in outcome,
    )


def _directory(item: Path) -> str | None:
    """Return the directory of a project's folder: its own note, else the list of projects."""
    folder = item.parent.parent
    try:
        return read_bytes(folder / ".project_root").decode("utf-8", "replace").strip() or None
    except OSError:
        pass
    try:
        projects = read_json(folder.parent.parent / "projects.json").get("projects") or {}
    except (OSError, ValueError, AttributeError):
        return None
    return next((str(directory) for directory, name in projects.items() if name == folder.name), None)
