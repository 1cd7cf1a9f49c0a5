"""Claude.ai's data export: `conversations.json`, in the ZIP as it was downloaded or unpacked."""

from pathlib import Path
from typing import Any

from segue.history.archive import ExportReader
from segue.history.reader import blocks, from_iso, texts
from segue.history.records import HistoryMessage, HistorySession, ToolCall


class ClaudeAi(ExportReader):
    """The conversations of Claude.ai's data export."""

    name = "claude-ai"
    service = "Claude.ai"

    def session(self, found: dict[str, Any], item: Path) -> HistorySession | None:
        """Return a conversation, None if it has another form."""
        return _session(found, item) if isinstance(found.get("chat_messages"), list) else None


def _session(found: dict[str, Any], item: Path) -> HistorySession:
    records = [record for record in found["chat_messages"] if isinstance(record, dict)]
    return HistorySession(
        id=str(found.get("uuid")),
        path=str(item),
        title=found.get("name") or None,
        provider="anthropic",
        model=found.get("model"),
        started_at=from_iso(found.get("created_at")),
        messages=[_message(index, record) for index, record in enumerate(records)],
    )


def _message(index: int, record: dict[str, Any]) -> HistoryMessage:
    content = record.get("content")
    thoughts = [block.get("thinking") or "" for block in blocks(content, ("thinking",))]
    message = HistoryMessage(
        key=record.get("uuid") or str(index),
        role="user" if record.get("sender") == "human" else "assistant",
        text=texts(content) or record.get("text") or "",
        at=from_iso(record.get("created_at")),
        thinking="\n".join(thoughts) or None,
        tool_calls=[
            ToolCall(id=block.get("id") or "", name=block.get("name") or "", arguments=block.get("input"))
            for block in blocks(content, ("tool_use",))
        ],
    )
    results = {block.get("tool_use_id"): block for block in blocks(content, ("tool_result",))}
    for call in message.tool_calls:
        if block := results.get(call.id):
            call.result, call.is_error = texts(block.get("content")), bool(block.get("is_error"))
    return message
