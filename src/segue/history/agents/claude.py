"""Claude Code: `~/.claude/projects/DIRECTORY/SESSION.jsonl`, a tree of records that only grows.

1. One answer of the model is several records with one `message.id`, one content block each; its usage is repeated.
2. Records form a tree by `parentUuid`. A rewind leaves a branch behind, so the conversation is the path from the last
   record to the root; across a compaction `logicalParentUuid` continues it.
3. Parallel calls hang under each other and each result under its call, so results are matched by call id, never by
   position in the path.
4. A fork is a copy with the same uuids; its copied answers name the first session in `requestSessionId`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.lines import continue_lines
from segue.history.reader import Reading, SkipDamaged, blocks, files_below, first, from_iso, texts
from segue.history.records import HistoryMessage, HistorySession, Kind, ToolCall

COMMAND_PREFIXES = ("<command-", "<local-command-", "<bash-input>", "<bash-stdout>", "<bash-stderr>")
INTERRUPT = "[Request interrupted by user"

STATE = frozenset(
    (
        *("agent-name", "ai-title", "api-request", "api-request-blob", "api-request-shape", "atis-latch", "attachment"),
        *("cost-state", "custom-title", "file-history-snapshot", "last-prompt", "mode", "permission-mode", "pr-link"),
        *("progress", "queue-operation", "summary", "system", "tools-used", "worktree-state"),
    )
)
"""Types of records that are no messages."""


class ClaudeCode:
    """The histories of Claude Code."""

    name = "claude"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the projects."""
        return [Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude") / "projects"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each session and each sub-agent's session."""
        yield from files_below(root, "*/*.jsonl")
        yield from files_below(root, "*/*/subagents/agent-*.jsonl")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Conversation)
        for record in lines.records(skipped):
            with SkipDamaged(skipped):
                lines.state.add(record, skipped)
        session = lines.state.session(item)
        return Reading([session] if session.messages else [], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `claude --resume`; a sub-agent's session cannot be continued."""
        return None if "/" in session_id else ["claude", "--resume", session_id]


class _Conversation:
    """One file's records."""

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}
        self.messages: list[tuple[HistoryMessage, set[str]]] = []
        """Each message with the uuids of its records, in the order of the file."""
        self.answers: dict[str, tuple[HistoryMessage, set[str]]] = {}
        self.calls: dict[str, ToolCall] = {}
        self.seen: dict[str, Any] = {}
        """The first value of members that every record has, and the last of titles."""
        self.leaf: str | None = None

    def add(self, record: dict[str, Any], skipped: Counter[str]) -> None:
        """Take the next record."""
        kind, uuid = record.get("type"), record.get("uuid")
        if kind == "custom-title":
            self.seen["custom_title"] = record.get("customTitle")
        elif kind == "ai-title":
            self.seen["ai_title"] = record.get("aiTitle")
        elif isinstance(uuid, str):
            parent = record.get("parentUuid") or record.get("logicalParentUuid")
            self.parents[uuid] = parent if isinstance(parent, str) else None
            self.leaf = uuid
        if kind in ("user", "assistant") and isinstance(uuid, str) and isinstance(record.get("message"), dict):
            for member in ("sessionId", "cwd", "agentId"):
                self.seen.setdefault(member, record.get(member))
            (self._add_answer if kind == "assistant" else self._add_user)(record, uuid)
        elif kind not in STATE:
            skipped[f"unknown record {kind}"] += 1

    def _add_answer(self, record: dict[str, Any], uuid: str) -> None:
        message = record["message"]
        if (source := record.get("requestSessionId")) not in (None, record.get("sessionId")):
            self.seen.setdefault("forked_from", source)
        answer_id = message.get("id") or uuid
        if answer_id not in self.answers:
            usage = message.get("usage") or {}
            started = HistoryMessage(
                key=uuid,
                role="assistant",
                text="",
                at=from_iso(record.get("timestamp")),
                model=message.get("model"),
                input_tokens=usage.get("input_tokens"),
                output_tokens=usage.get("output_tokens"),
            )
            self.answers[answer_id] = (started, set())
            self.messages.append(self.answers[answer_id])
        answer, uuids = self.answers[answer_id]
        uuids.add(uuid)
        answer.aborted = answer.aborted or bool(record.get("isAbortedMidStream"))
        for block in blocks(message.get("content"), ("thinking",)):
            answer.thinking = (answer.thinking or "") + block.get("thinking", "")
        if text := texts(message.get("content")):
            answer.text = f"{answer.text}\n{text}" if answer.text else text
        for block in blocks(message.get("content"), ("tool_use",)):
            call = ToolCall(id=block.get("id", ""), name=block.get("name", ""), arguments=block.get("input"))
            answer.tool_calls = [*answer.tool_calls, call]
            self.calls[call.id] = call

    def _add_user(self, record: dict[str, Any], uuid: str) -> None:
        content = record["message"].get("content")
        for block in blocks(content, ("tool_result",)):
            if call := self.calls.get(block.get("tool_use_id", "")):
                call.result, call.is_error = texts(block.get("content")), bool(block.get("is_error"))
        text = texts(content)
        if text and not record.get("isMeta"):
            kind = _kind(record, text)
            message = HistoryMessage(key=uuid, role="user", text=text, at=from_iso(record.get("timestamp")), kind=kind)
            self.messages.append((message, {uuid}))

    def session(self, item: Path) -> HistorySession:
        """Return the conversation."""
        path = self._path_of_leaf()
        for message, uuids in self.messages:
            message.abandoned = path.isdisjoint(uuids)
        messages = [message for message, _ in self.messages]
        parent = item.parent.parent.name if item.parent.name == "subagents" else None
        agent_id = self.seen.get("agentId") or item.stem.removeprefix("agent-")
        return HistorySession(
            id=f"{parent}/{agent_id}" if parent else item.stem,
            path=str(item),
            directory=self.seen.get("cwd"),
            title=self.seen.get("custom_title") or self.seen.get("ai_title"),
            provider="anthropic",
            model=first(message.model for message in messages),
            started_at=first(message.at for message in messages),
            parent=parent,
            forked_from=self.seen.get("forked_from"),
            messages=messages,
        )

    def _path_of_leaf(self) -> set[str]:
        path: set[str] = set()
        uuid = self.leaf
        while uuid is not None and uuid not in path:
            path.add(uuid)
            uuid = self.parents.get(uuid)
        return path


def _kind(record: dict[str, Any], text: str) -> Kind | None:
    if record.get("isCompactSummary"):
        return "summary"
    if (record.get("origin") or {}).get("kind") == "task-notification" or text.startswith("<task-notification>"):
        return "notification"
    if text.startswith(COMMAND_PREFIXES):
        return "command"
    return "interrupt" if text.startswith(INTERRUPT) else None
