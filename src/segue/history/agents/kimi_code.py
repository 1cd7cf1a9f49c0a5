"""Kimi Code: `~/.kimi-code/sessions/wd_NAME_HASH/session_ID/agents/NAME/wire.jsonl`, events that are only appended.

A message is there three times; this reader takes `context.append_message` of a person and the events of the loop.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.lines import continue_lines
from segue.history.reader import Reading, SkipDamaged, files_below, first, from_ms, read_json, texts
from segue.history.records import HistoryMessage, HistorySession, ToolCall

MAIN = "main"


class KimiCode:
    """The histories of Kimi Code."""

    name = "kimi-code"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the sessions."""
        return [Path(environment.get("KIMI_CODE_HOME") or home / ".kimi-code") / "sessions"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the events of each session and sub-agent."""
        yield from files_below(root, "*/*/agents/*/wire.jsonl")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file of events."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Wire)
        wire = lines.state
        for record in lines.records(skipped):
            with SkipDamaged(skipped):
                wire.add(record, lines.number)
        folder, agent = item.parents[2], item.parent.name
        state = _state(folder)
        session = HistorySession(
            id=folder.name if agent == MAIN else f"{folder.name}/{agent}",
            path=str(item),
            directory=state.get("cwd"),
            title=state.get("title") if agent == MAIN else None,
            model=wire.model,
            started_at=from_ms(state.get("createdAt")) if agent == MAIN else first(one.at for one in wire.messages),
            parent=None if agent == MAIN else folder.name,
            archived=bool(state.get("archived")),
            messages=wire.messages,
        )
        return Reading([session] if wire.messages else [], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `kimi --session`; a sub-agent's session cannot be continued."""
        return None if "/" in session_id else ["kimi", "--session", session_id]


class _Wire:
    """The events of one agent."""

    def __init__(self) -> None:
        self.messages: list[HistoryMessage] = []
        self.calls: dict[str, ToolCall] = {}
        self.model: str | None = None
        self.open: HistoryMessage | None = None
        """The answer of the current step."""

    def add(self, record: dict[str, Any], number: int) -> None:
        """Take the next record; records of other types are state or copies."""
        kind, at = record.get("type"), from_ms(record.get("time"))
        if kind == "llm.request":
            self.model = record.get("model") or self.model
        elif kind == "context.append_message":
            message = record.get("message") or {}
            if message.get("role") == "user" and (message.get("origin") or {}).get("kind") == "user":
                key = message.get("id") or f"line-{number}"
                text = texts(message.get("content"))
                self.messages.append(HistoryMessage(key=key, role="user", text=text, at=at))
        elif kind == "context.append_loop_event":
            self._add_event(record.get("event") or {}, at)

    def _add_event(self, event: dict[str, Any], at: str | None) -> None:
        kind = event.get("type")
        if kind == "step.begin":
            self.open = None
        elif kind == "content.part":
            answer, part = self._answer(event, at), event.get("part") or {}
            if part.get("type") == "think":
                answer.thinking = (answer.thinking or "") + (part.get("think") or "")
            else:
                answer.text += part.get("text") or ""
        elif kind == "tool.call":
            answer = self._answer(event, at)
            call = ToolCall(id=event.get("toolCallId", ""), name=event.get("name", ""), arguments=event.get("args"))
            answer.tool_calls = [*answer.tool_calls, call]
            self.calls[call.id] = call
        elif kind == "tool.result" and (found := self.calls.get(event.get("toolCallId", ""))):
            result = event.get("result") or {}
            found.result, found.is_error = texts(result.get("output")), bool(result.get("isError"))
        elif kind == "step.end" and self.open is not None:
            usage = event.get("usage") or {}
            self.open.input_tokens, self.open.output_tokens = usage.get("inputOther"), usage.get("output")
            self.open.aborted = event.get("finishReason") == "interrupted"

    def _answer(self, event: dict[str, Any], at: str | None) -> HistoryMessage:
        if self.open is None:
            key = event.get("stepUuid") or event.get("uuid") or str(len(self.messages))
            self.open = HistoryMessage(key=key, role="assistant", text="", at=at, model=self.model)
            self.messages.append(self.open)
        return self.open


def _state(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / "state.json")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
