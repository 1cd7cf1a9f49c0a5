"""GitHub Copilot CLI: `~/.copilot/session-state/ID/events.jsonl`, events that are only appended.

A sub-agent's events are among them, marked by `agentId`; it becomes a session of its own. The tokens of an answer stand
in the usage record before it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.lines import continue_lines
from segue.history.reader import Reading, SkipDamaged, files_below, first, from_iso, read_bytes
from segue.history.records import HistoryMessage, HistorySession, ToolCall

STATE = ("session.", "system.", "assistant.", "tool.", "subagent.", "hook.", "skill.", "permission.", "user_input.")
"""Beginnings of the types of events that are no messages, or whose text is in another event."""


class Copilot:
    """The histories of GitHub Copilot CLI."""

    name = "copilot"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the sessions."""
        return [Path(environment.get("COPILOT_HOME") or home / ".copilot") / "session-state"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the events of each session."""
        yield from files_below(root, "*/events.jsonl")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file and its sub-agents' sessions."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, lambda: {"": _Thread()})
        for event in lines.records(skipped):
            with SkipDamaged(skipped):
                lines.state.setdefault(event.get("agentId") or "", _Thread()).add(event, skipped)
        main = lines.state[""]
        about = _workspace(item)
        session_id = main.about.get("sessionId") or item.parent.name
        context = main.about.get("context")
        directory = about.get("cwd") or (context.get("cwd") if isinstance(context, dict) else None)
        session = main.session(session_id, item, directory)
        session.title = about.get("name")
        session.started_at = from_iso(main.about.get("startTime")) or session.started_at
        sessions = [session]
        for agent_id, thread in lines.state.items():
            if thread is main:
                continue
            sub = thread.session(f"{session_id}/{agent_id}", item, directory)
            sub.parent, sub.title = session_id, thread.about.get("agentDisplayName")
            sessions.append(sub)
        return Reading([session for session in sessions if session.messages], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `copilot --resume`; a sub-agent's session cannot be continued."""
        return None if "/" in session_id else ["copilot", f"--resume={session_id}"]


class _Thread:
    """The events of the session or of one sub-agent."""

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.started_at: str | None = None
        self.messages: list[HistoryMessage] = []
        self.calls: dict[str, ToolCall] = {}
        self.usage: dict[str, Any] = {}

    def add(self, event: dict[str, Any], skipped: Counter[str]) -> None:
        """Take the next event."""
        kind, data = str(event.get("type")), event.get("data")
        data = data if isinstance(data, dict) else {}
        at = from_iso(event.get("timestamp"))
        self.started_at = self.started_at or at
        key = str(event.get("id"))
        if kind in ("session.start", "subagent.started"):
            self.about = self.about or data
        elif kind == "session.usage_record":
            self.usage = data.get("usage") or {}
        elif kind == "user.message":
            self.messages.append(HistoryMessage(key=key, role="user", text=data.get("content") or "", at=at))
        elif kind == "assistant.message":
            self._add_answer(data, key, at)
        elif kind == "tool.execution_complete":
            self._add_result(data)
        elif kind == "abort":
            self.messages.append(HistoryMessage(key=key, role="user", text="", at=at, kind="interrupt"))
        elif not kind.startswith(STATE):
            skipped[f"unknown event {kind}"] += 1

    def _add_answer(self, data: dict[str, Any], key: str, at: str | None) -> None:
        made = [
            ToolCall(id=call.get("toolCallId", ""), name=call.get("name", ""), arguments=call.get("arguments"))
            for call in data.get("toolRequests") or []
        ]
        self.calls |= {call.id: call for call in made}
        usage, self.usage = self.usage, {}
        self.messages.append(
            HistoryMessage(
                key=key,
                role="assistant",
                text=data.get("content") or "",
                at=at,
                thinking=data.get("reasoningText"),
                tool_calls=made,
                model=data.get("model"),
                input_tokens=usage.get("inputTokens"),
                output_tokens=usage.get("outputTokens"),
            )
        )

    def _add_result(self, data: dict[str, Any]) -> None:
        if call := self.calls.get(data.get("toolCallId", "")):
            call.result = (data.get("result") or data.get("error") or {}).get("content")
            call.is_error = not data.get("success")  # Of the call; a command that fails is a call that succeeds.

    def session(self, session_id: str, item: Path, directory: str | None) -> HistorySession:
        """Return the session of the events."""
        return HistorySession(
            id=session_id,
            path=str(item),
            directory=directory,
            model=first(message.model for message in self.messages) or self.about.get("selectedModel"),
            started_at=self.started_at,
            messages=self.messages,
        )


def _workspace(item: Path) -> dict[str, str]:
    """Return the plain `key: value` lines of workspace.yaml; a quoted value loses its quotes."""
    try:
        lines = read_bytes(item.parent / "workspace.yaml").decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(": ") for line in lines)
    return {key: value.strip().strip("\"'") for key, separator, value in pairs if separator}
