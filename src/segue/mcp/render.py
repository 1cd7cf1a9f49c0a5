"""The text forms of the results, for clients that give a model text only."""

from collections.abc import Callable
from typing import Any

from segue.mcp.results import (
    Forgotten,
    Found,
    HistoryMessage,
    Hit,
    Memories,
    MemoryRow,
    Remembered,
    SessionRow,
    Sessions,
    Transcript,
)
from segue.mcp.text import as_data


def render(result: Any) -> str:
    """Return the text form of a result. Stored text is between marks, and the note is outside of them."""
    return RENDERERS[type(result)](result)


def _found(result: Found) -> str:
    rows = [_hit(hit) for hit in result.hits]
    if result.sessions:
        rows.append("\n".join(["Sessions whose name or summary has all words:", *map(_session, result.sessions)]))
    return _with_note("\n\n".join(rows), result.note)


def _sessions(result: Sessions) -> str:
    return _with_note("\n".join(map(_session, result.sessions)), result.note)


def _transcript(result: Transcript) -> str:
    rows = [_session(result.session), *map(_message, result.messages)]
    return _with_note("\n\n".join(rows), result.note)


def _memories(result: Memories) -> str:
    return _with_note("\n".join(map(_memory, result.memories)), result.note)


def _remembered(result: Remembered) -> str:
    return f"{'Known already' if result.known else 'Remembered'} as memory {result.memory.memory_id}."


def _forgotten(result: Forgotten) -> str:
    return f"Forgot memory {result.memory_id}:\n{as_data(result.fact)}"


def _with_note(body: str, note: str) -> str:
    return "\n".join(part for part in (as_data(body) if body else "", note) if part)


def _hit(hit: Hit) -> str:
    place = f" in {hit.directory}" if hit.directory else ""
    name = f' "{hit.session_name}"' if hit.session_name else ""
    return f"session {hit.session_id}{name}{place}, message {hit.message_id}, {hit.role}, {hit.at}:\n{hit.snippet}"


def _session(row: SessionRow) -> str:
    facts = [
        row.session_id,
        row.name or row.preview or "(no name)",
        row.directory or "",
        f"imported from {row.tool}" if row.tool else "",
        "" if row.status == "active" else row.status,
        f"{row.messages} messages",
        f"last {row.last_message_at}",
    ]
    return "- " + " · ".join(fact for fact in facts if fact)


def _message(message: HistoryMessage) -> str:
    marks = f" ({', '.join(message.marks)})" if message.marks else ""
    return f"[message {message.message_id}, {message.role}, {message.at}]{marks}\n{message.text}"


def _memory(row: MemoryRow) -> str:
    return f"- memory {row.memory_id} ({row.category}, importance {row.importance}, {row.at[:10]}): {row.fact}"


RENDERERS: dict[type, Callable[[Any], str]] = {
    Found: _found,
    Sessions: _sessions,
    Transcript: _transcript,
    Memories: _memories,
    Remembered: _remembered,
    Forgotten: _forgotten,
}
