"""gptme: `logs/NAME/conversation.jsonl`, with local times; tool calls are lines of the answer's text."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from segue.history.lines import continue_lines
from segue.history.reader import (
    Reading,
    SkipDamaged,
    files_below,
    first,
    from_local,
    read_bytes,
    texts,
)
from segue.history.records import HistoryMessage, HistorySession, Role, ToolCall

CALL = re.compile(r"^@(\w+)\(([^)\n]+)\): (\{.*)", re.MULTILINE | re.DOTALL)
"""The tool format: `@shell(call_1): {"command": "ls"}`; the JSON may continue on further lines."""


class Gptme:
    """The histories of gptme."""

    name = "gptme"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the logs."""
        if folder := environment.get("GPTME_LOGS_HOME"):
            return [Path(folder)]
        return [Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "gptme/logs"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each conversation."""
        yield from files_below(root, "*/conversation.jsonl")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the conversation of a file."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Conversation)
        for record in lines.records(skipped):
            with SkipDamaged(skipped):
                lines.state.add(record, lines.number)
        messages = lines.state.messages
        chat, home = _chat(item), item.parents[5] if len(item.parents) > 5 else item.parent
        workspace = chat.get("workspace")
        session = HistorySession(
            id=item.parent.name,
            path=str(item),
            directory=re.sub(r"^~(?=/|$)", str(home), workspace) if isinstance(workspace, str) else None,
            title=chat.get("name"),
            model=chat.get("model") or first(message.model for message in messages),
            started_at=lines.state.started_at,
            messages=messages,
        )
        return Reading([session], skipped, lines)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `gptme --name`."""
        return ["gptme", "--name", session_id]


def _chat(item: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(item.parent / "config.toml").decode()).get("chat") or {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


class _Conversation:
    """The lines of a conversation."""

    def __init__(self) -> None:
        self.messages: list[HistoryMessage] = []
        self.calls: dict[str, ToolCall] = {}
        self.started_at: str | None = None

    def add(self, record: dict[str, Any], index: int) -> None:
        """Take the next line."""
        self.started_at = self.started_at or from_local(record.get("timestamp"))
        role, text = record.get("role"), texts(record.get("content"))
        if role == "system" and (call := self.calls.get(record.get("call_id") or "")):
            call.result, call.is_error = text, False
        elif role in ("user", "assistant"):
            message = _message(record, index, role, text)
            self.calls |= {call.id: call for call in message.tool_calls}
            self.messages.append(message)


def _message(record: dict[str, Any], index: int, role: Role, text: str) -> HistoryMessage:
    metadata = record.get("metadata") or {}
    usage = metadata.get("usage") or {}
    message = HistoryMessage(
        key=f"{record.get('timestamp')}-{index}",
        role=role,
        text=text,
        at=from_local(record.get("timestamp")),
        injected=role == "user" and text.startswith("<system>"),
        model=metadata.get("model") if role == "assistant" else None,
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
    )
    if role == "assistant":
        _split_calls(message)
    return message


def _split_calls(message: HistoryMessage) -> None:
    """Move the calls of a text into `tool_calls`."""
    while found := CALL.search(message.text):
        try:
            arguments, end = msgspec.json.decode(found[3]), len(message.text)
        except msgspec.DecodeError:
            first_line = found[3].partition("\n")[0]
            try:
                arguments, end = msgspec.json.decode(first_line), found.start(3) + len(first_line)
            except msgspec.DecodeError:
                return
        call = ToolCall(id=found[2], name=found[1], arguments=arguments)
        message.tool_calls = [*message.tool_calls, call]
        message.text = (message.text[: found.start()].rstrip("\n") + message.text[end:]).rstrip("\n")
