"""ChatGPT's data export: `conversations.json`, in the ZIP as it was downloaded or unpacked.

Messages form a tree. The conversation is the path from `current_node` to the root; the other branches are answers that
were generated again and prompts that were edited, so they are marked as abandoned.
"""

from pathlib import Path
from typing import Any

from segue.history.archive import ExportReader
from segue.history.reader import first, from_seconds
from segue.history.records import HistoryMessage, HistorySession

HIDDEN = "is_visually_hidden_from_conversation"


class ChatGpt(ExportReader):
    """The conversations of ChatGPT's data export."""

    name = "chatgpt"
    service = "ChatGPT"

    def session(self, found: dict[str, Any], item: Path) -> HistorySession | None:
        """Return a conversation, None if it has another form."""
        return _session(found, item) if isinstance(found.get("mapping"), dict) else None


def _session(found: dict[str, Any], item: Path) -> HistorySession:
    nodes: dict[str, Any] = found["mapping"]
    path = _path(nodes, found.get("current_node"))
    messages = [message for node_id in _in_order(nodes) if (message := _message(node_id, nodes[node_id]))]
    for message in messages:
        message.abandoned = message.key not in path
    return HistorySession(
        id=found.get("conversation_id") or found.get("id") or str(found.get("create_time")),
        path=str(item),
        title=found.get("title"),
        provider="openai",
        model=first(message.model for message in messages) or found.get("default_model_slug"),
        started_at=from_seconds(found.get("create_time")),
        archived=bool(found.get("is_archived")),
        messages=messages,
    )


def _path(nodes: dict[str, Any], node_id: str | None) -> set[str]:
    path: set[str] = set()
    while node_id in nodes and node_id not in path:
        path.add(node_id)
        node_id = nodes[node_id].get("parent")
    return path


def _in_order(nodes: dict[str, Any]) -> list[str]:
    """Return the nodes depth first from the roots, each before its children."""
    pending = [node_id for node_id, node in nodes.items() if node.get("parent") not in nodes][::-1]
    ordered: dict[str, None] = {}
    while pending:
        node_id = pending.pop()
        if node_id not in ordered:
            ordered[node_id] = None
            pending += [child for child in reversed(nodes[node_id].get("children") or []) if child in nodes]
    return list(ordered)


def _message(node_id: str, node: dict[str, Any]) -> HistoryMessage | None:
    message = node.get("message") or {}
    role, metadata = (message.get("author") or {}).get("role"), message.get("metadata") or {}
    text = _text(message.get("content") or {})
    if role not in ("user", "assistant", "tool", "system") or not text or metadata.get(HIDDEN):
        return None
    return HistoryMessage(
        key=node_id,
        role=role,
        text=text,
        at=from_seconds(message.get("create_time")),
        model=metadata.get("model_slug") if role == "assistant" else None,
        aborted=(metadata.get("finish_details") or {}).get("type") == "interrupted",
    )


def _text(content: dict[str, Any]) -> str:
    pieces = [content.get("text"), *(content.get("parts") or [])]
    texts = [piece if isinstance(piece, str) else (piece or {}).get("text") for piece in pieces]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
