"""Codex: `~/.codex/sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl`, moved to `archived_sessions` when archived.

1. Every text is there twice: as `response_item` and as `event_msg`. This reader takes the response items, because older
   versions have them too; of the events it takes interrupts and exit codes.
2. `ordinal` counts the records of a thread. A fork holds only its own part and refers to the first part by thread and
   ordinal, so it becomes a session with `forked_from`.
3. A compaction repeats old messages in `replacement_history`; only its summary is taken.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from segue.history.lines import continue_lines, read_json_lines
from segue.history.reader import Reading, SkipDamaged, files_below, first, from_iso, texts
from segue.history.records import HistoryMessage, HistorySession, ToolCall

HARNESS_PREFIXES = (
    "<environment_context>",
    "<turn_aborted>",
    "<user_instructions>",
    "<skills_instructions>",
    "<permissions instructions>",
    "<subagent_notification>",
    "# AGENTS.md instructions",
)
"""Beginnings of user messages that Codex adds by itself; newer versions mark a person's text as `user.text`."""

EXIT_CODE = re.compile(r"^Process exited with code (\d+)$", re.MULTILINE)

STATE = frozenset({"event_msg", "world_state", "turn_context", "token_usage_record", "inter_agent_message"})


ZSTD = ".zst"
"""The ending of rollouts that Codex compressed because they are old."""


class Codex:
    """The histories of Codex."""

    name = "codex"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folders of active and archived sessions."""
        folder = Path(environment.get("CODEX_HOME") or home / ".codex")
        return [folder / "sessions", folder / "archived_sessions"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each rollout, and each compressed one that is not there in plain form."""
        yield from files_below(root, "**/rollout-*.jsonl")
        yield from (
            path for path in files_below(root, f"**/rollout-*.jsonl{ZSTD}") if not path.with_suffix("").exists()
        )

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the thread of a rollout."""
        if item.suffix == ZSTD:
            raise ValueError("compressed by Codex; decompress it with unzstd to import it")
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Thread)
        for record in lines.records(skipped):
            with SkipDamaged(skipped):
                lines.state.add(record, lines.number, skipped)
        if not lines.state.meta:
            raise ValueError("no session_meta record")
        return Reading([lines.state.session(item)], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `codex resume`."""
        return ["codex", "resume", session_id]


class _Thread:
    """The records of one rollout."""

    def __init__(self) -> None:
        self.meta: dict[str, Any] = {}
        self.model: str | None = None
        self.messages: list[HistoryMessage] = []
        self.calls: dict[str, ToolCall] = {}
        self.open: HistoryMessage | None = None
        """The answer that the next call or token count belongs to."""

    def add(self, record: dict[str, Any], number: int, skipped: Counter[str]) -> None:
        """Take the next record."""
        kind, payload = record.get("type"), record.get("payload")
        if not isinstance(payload, dict):
            skipped["damaged record"] += 1
            return
        key = str(record.get("ordinal", f"line-{number}"))
        at = from_iso(record.get("timestamp"))
        if kind == "session_meta":
            self.meta = self.meta or payload
        elif kind == "turn_context":
            self.model = payload.get("model") or self.model
        elif kind == "response_item":
            self._add_item(payload, key, at)
        elif kind == "compacted":
            self._append("user", payload.get("message") or "", key, at).kind = "summary"
        elif kind == "token_usage_record":
            self._add_usage(payload.get("usage") or {})
        elif kind == "event_msg":
            self._add_event(payload, key, at)
        elif kind not in STATE:
            skipped[f"unknown record {kind}"] += 1

    def _append(self, role: Any, text: str, key: str, at: str | None) -> HistoryMessage:
        self.open = None
        self.messages.append(HistoryMessage(key=key, role=role, text=text, at=at))
        return self.messages[-1]

    def _add_item(self, item: dict[str, Any], key: str, at: str | None) -> None:
        kind = item.get("type")
        if kind == "message" and item.get("role") == "assistant":
            answer = (
                self.open if self.open and not self.open.text and not self.open.tool_calls else self._answer(key, at)
            )
            answer.text = texts(item.get("content"), ("output_text", "text"))
        elif kind == "message" and item.get("role") == "user":
            if _is_typed(item, text := texts(item.get("content"), ("input_text", "text"))):
                self._append("user", text, key, at)
        elif kind == "reasoning":
            if thinking := texts(item.get("summary"), ("summary_text",)):
                answer = self.open or self._answer(key, at)
                answer.thinking = f"{answer.thinking}\n{thinking}" if answer.thinking else thinking
        elif kind in ("function_call", "custom_tool_call", "local_shell_call"):
            answer = self.open or self._answer(key, at)
            call = ToolCall(id=item.get("call_id", ""), name=item.get("name") or kind, arguments=_arguments(item))
            answer.tool_calls = [*answer.tool_calls, call]
            self.calls[call.id] = call
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self.open = None
            self._add_result(item)

    def _answer(self, key: str, at: str | None) -> HistoryMessage:
        answer = self._append("assistant", "", key, at)
        self.open = answer
        return answer

    def _add_result(self, item: dict[str, Any]) -> None:
        if call := self.calls.get(item.get("call_id", "")):
            output = item.get("output")
            call.result = output if isinstance(output, str) else texts(output, ("input_text", "text"))
            if call.is_error is None:
                found = EXIT_CODE.search(call.result)
                call.is_error = bool(found and found[1] != "0")

    def _add_usage(self, usage: dict[str, Any]) -> None:
        if self.open is not None:
            self.open.input_tokens, self.open.output_tokens = usage.get("input_tokens"), usage.get("output_tokens")
        self.open = None

    def _add_event(self, event: dict[str, Any], key: str, at: str | None) -> None:
        item = event.get("item") or {}
        if event.get("type") == "turn_aborted":
            self._append("user", "", key, at).kind = "interrupt"
        elif item.get("type") == "CommandExecution" and (call := self.calls.get(item.get("id", ""))):
            call.is_error = item.get("exit_code") not in (0, None)

    def session(self, item: Path) -> HistorySession:
        """Return the thread."""
        thread_id = self.meta.get("id") or item.stem[-36:]
        base = self.meta.get("history_base")
        until = base.get("end_ordinal_exclusive") if isinstance(base, dict) else None
        return HistorySession(
            id=thread_id,
            path=str(item),
            directory=self.meta.get("cwd"),
            title=_title(item, thread_id),
            provider=self.meta.get("model_provider"),
            model=first((self.model, *(message.model for message in self.messages))),
            started_at=from_iso(self.meta.get("timestamp")),
            parent=self.meta.get("parent_thread_id"),
            forked_from=self.meta.get("forked_from_id"),
            archived="archived_sessions" in item.parts,
            messages=self.messages,
            metadata={} if until is None else {"inherits_until_ordinal": until},
        )


def _is_typed(item: dict[str, Any], text: str) -> bool:
    """Return True if a person typed the text."""
    passed = item.get("internal_chat_message_metadata_passthrough") or {}
    if kinds := passed.get("content_item_kinds"):
        return "user.text" in kinds
    return bool(text) and not text.startswith(HARNESS_PREFIXES)


def _arguments(item: dict[str, Any]) -> Any:
    given = item.get("arguments", item.get("input", item.get("action")))
    try:
        return msgspec.json.decode(given) if isinstance(given, str) else given
    except msgspec.DecodeError:
        return given


def _title(item: Path, thread_id: str) -> str | None:
    """Return the name that the index beside the sessions gives the thread; its last line counts."""
    root = next((parent for parent in item.parents if parent.name in ("sessions", "archived_sessions")), item.parent)
    index = root.parent / "session_index.jsonl"
    title = None
    if index.is_file():
        for entry in read_json_lines(index, Counter()):
            if entry.get("id") == thread_id:
                title = entry.get("thread_name")
    return title
