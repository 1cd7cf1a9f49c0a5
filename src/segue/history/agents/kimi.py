"""kimi-cli: `~/.kimi/sessions/MD5(DIRECTORY)/ID/wire.jsonl`, what happened in a session, with times.

`context.jsonl` beside it is what the model sees: it begins again at a compaction and has no times, so it is not read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import md5
from pathlib import Path
from typing import Any

import msgspec

from segue.history.lines import continue_lines
from segue.history.reader import (
    Reading,
    SkipDamaged,
    files_below,
    first,
    from_seconds,
    read_json,
    texts,
)
from segue.history.records import HistoryMessage, HistorySession, ToolCall

IGNORED = frozenset(
    (
        *("ApprovalRequest", "ApprovalResponse", "CompactionEnd", "MCPLoadingBegin", "MCPLoadingEnd", "Notification"),
        *("StepBegin", "StepInterrupted", "SubagentEvent", "ToolCallPart", "TurnEnd"),
    )
)


class Kimi:
    """The histories of kimi-cli."""

    name = "kimi"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the sessions."""
        return [Path(environment.get("KIMI_SHARE_DIR") or home / ".kimi") / "sessions"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the events of each session."""
        yield from files_below(root, "*/*/wire.jsonl")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a folder."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Wire)
        for record in lines.records(skipped):
            with SkipDamaged(skipped):
                lines.state.add(record, lines.number, skipped)
        messages = lines.state.messages
        session = HistorySession(
            id=item.parent.name,
            path=str(item.parent),
            directory=_directory(item),
            title=_title(item),
            started_at=first(message.at for message in messages),
            messages=messages,
        )
        return Reading([session] if messages else [], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `kimi --session`."""
        return ["kimi", "--session", session_id]


class _Wire:
    """The events of a session."""

    def __init__(self) -> None:
        self.messages: list[HistoryMessage] = []
        self.calls: dict[str, ToolCall] = {}
        self.open: HistoryMessage | None = None
        """The answer of the current step."""

    def add(self, record: dict[str, Any], number: int, skipped: Counter[str]) -> None:
        """Take the next record."""
        event = record.get("message")
        if not isinstance(event, dict):
            if record.get("type") != "metadata":
                skipped["unknown record"] += 1
            return
        kind, payload = event.get("type"), event.get("payload") or {}
        key, at = f"line-{number}", from_seconds(record.get("timestamp"))
        if kind in ("TurnBegin", "CompactionBegin", "StepBegin", "TurnEnd"):
            self.open = None
        if kind in ("TurnBegin", "CompactionBegin"):
            summary = kind == "CompactionBegin"
            text = "" if summary else texts(payload.get("user_input"))
            message = HistoryMessage(key=key, role="user", text=text, at=at, kind="summary" if summary else None)
            self.messages.append(message)
        elif kind in ("ContentPart", "ToolCall"):
            self._add_to_answer(kind, payload, self._answer(key, at))
        elif kind == "ToolResult":
            self._add_result(payload)
        elif kind == "StatusUpdate":
            self._add_usage(payload.get("token_usage") or {})
        elif kind not in IGNORED:
            skipped[f"unknown event {kind}"] += 1

    def _add_to_answer(self, kind: str, payload: dict[str, Any], answer: HistoryMessage) -> None:
        if kind == "ToolCall":
            self._add_call(payload, answer)
        elif payload.get("type") == "think":
            answer.thinking = (answer.thinking or "") + (payload.get("think") or "")
        else:
            answer.text += payload.get("text") or ""

    def _answer(self, key: str, at: str | None) -> HistoryMessage:
        if self.open is None:
            self.open = HistoryMessage(key=key, role="assistant", text="", at=at)
            self.messages.append(self.open)
        return self.open

    def _add_call(self, payload: dict[str, Any], answer: HistoryMessage) -> None:
        function = payload.get("function") or {}
        arguments = function.get("arguments")
        with suppress(msgspec.DecodeError):  # A call that was cut off has half an object and stays text.
            arguments = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
        call = ToolCall(id=payload.get("id") or "", name=function.get("name") or "", arguments=arguments)
        answer.tool_calls = [*answer.tool_calls, call]
        self.calls[call.id] = call

    def _add_result(self, payload: dict[str, Any]) -> None:
        if call := self.calls.get(payload.get("tool_call_id") or ""):
            value = payload.get("return_value") or {}
            call.result = texts(value.get("output")) or value.get("message") or ""
            call.is_error = bool(value.get("is_error"))

    def _add_usage(self, usage: dict[str, Any]) -> None:
        if self.open is not None and usage:
            self.open.input_tokens, self.open.output_tokens = usage.get("input_other"), usage.get("output")


def _directory(item: Path) -> str | None:
    """Return the directory whose MD5 names the session's folder, from the list in kimi.json."""
    try:
        listed = read_json(item.parents[3] / "kimi.json").get("work_dirs") or []
    except (OSError, ValueError, AttributeError):
        return None
    wanted = item.parents[1].name
    paths = [str(entry["path"]) for entry in listed if isinstance(entry, dict) and entry.get("path")]
    return next((path for path in paths if md5(path.encode(), usedforsecurity=False).hexdigest() == wanted), None)


def _title(item: Path) -> str | None:
    try:
        return str(read_json(item.with_name("state.json"))["custom_title"]) or None
    except (OSError, ValueError, KeyError, TypeError):
        return None
