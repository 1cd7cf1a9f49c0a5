"""opencode: `opencode.db` in its data folder; until 1.1 one JSON document for each session, message and part.

The move to the database left sessions behind, so both are read. A message's parts change in place while it streams.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from segue.history.foreign_database import Rows, open_copy, open_for_count
from segue.history.reader import Reading, SkipDamaged, files_below, first, from_ms, read_json
from segue.history.records import HistoryMessage, HistorySession, ToolCall

SESSIONS = """
    SELECT id, parent_id, directory, title, time_created, time_archived FROM session ORDER BY time_created, id
"""
MESSAGES = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id"
PARTS = "SELECT message_id, data FROM part WHERE session_id = ? ORDER BY message_id, id"


class Opencode:
    """The histories of opencode."""

    name = "opencode"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database and the folder of older versions."""
        folder = Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "opencode"
        return [Path(environment.get("OPENCODE_DB") or folder / "opencode.db"), folder / "storage" / "session"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the database, or each session's document."""
        if root.is_file():
            yield root
        yield from files_below(root, "*/ses_*.json")

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return every session of the database, or the session of a document."""
        skipped: Counter[str] = Counter()
        if item.suffix == ".json":
            return Reading([_from_documents(item, skipped)], skipped)
        return Reading(_sessions_of(item, skipped), skipped)

    def count(self, item: Path) -> int:
        """Return the number of sessions."""
        if item.suffix == ".json":
            return 1
        with open_for_count(item) as rows:
            return rows.count(("SELECT count(*) FROM session",))

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `opencode --session`."""
        return ["opencode", "--session", session_id]


def _sessions_of(item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
    with open_copy(item) as rows:
        for row in rows.select(SESSIONS):
            yield _from_rows(rows, row, item, skipped)


def _from_rows(rows: Rows, row: Any, item: Path, skipped: Counter[str]) -> HistorySession:
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in rows.select(PARTS, row["id"]):
        parts.setdefault(part["message_id"], []).append(_decoded(part["data"], skipped))
    found = [(message["id"], _decoded(message["data"], skipped)) for message in rows.select(MESSAGES, row["id"])]
    messages: list[HistoryMessage] = []
    for message_id, data in found:
        with SkipDamaged(skipped):
            messages += [_message(message_id, data, parts.get(message_id, []))] if data else []
    return HistorySession(
        id=row["id"],
        path=str(item),
        directory=row["directory"],
        title=row["title"],
        provider=first(_provider(data) for _, data in found),
        model=first(message.model for message in messages),
        started_at=from_ms(row["time_created"]),
        parent=row["parent_id"],
        archived=row["time_archived"] is not None,
        messages=messages,
    )


def _from_documents(item: Path, skipped: Counter[str]) -> HistorySession:
    about, storage = read_json(item), item.parents[2]
    messages = []
    for document in sorted((storage / "message" / item.stem).glob("msg_*.json")):
        with SkipDamaged(skipped):
            folder = storage / "part" / document.stem
            parts = [read_json(part) for part in sorted(folder.glob("prt_*.json"))]
            messages.append(_message(document.stem, read_json(document), parts))
    return HistorySession(
        id=item.stem,
        path=str(item),
        directory=about.get("directory"),
        title=about.get("title"),
        model=first(message.model for message in messages),
        started_at=from_ms((about.get("time") or {}).get("created")),
        parent=about.get("parentID"),
        messages=messages,
    )


def _message(message_id: str, data: dict[str, Any], parts: list[dict[str, Any]]) -> HistoryMessage:
    role, time = data.get("role"), data.get("time") or {}
    tokens = data.get("tokens") or {}
    said = [part for part in parts if part.get("type") == "text"]
    thoughts = [part.get("text") or "" for part in parts if part.get("type") == "reasoning"]
    unfinished = role == "assistant" and "completed" not in time
    stopped = (data.get("error") or {}).get("name") == "MessageAbortedError"
    message = HistoryMessage(
        key=message_id,
        role="assistant" if role == "assistant" else "user",
        text="\n".join(part.get("text") or "" for part in said if not part.get("synthetic")),
        at=from_ms(time.get("created")),
        kind="summary" if data.get("summary") is True else None,
        injected=role == "user" and bool(said) and all(part.get("synthetic") for part in said),
        thinking="\n".join(thoughts) if thoughts else None,
        tool_calls=[_call(part) for part in parts if part.get("type") == "tool"],
        model=data.get("modelID") if role == "assistant" else None,
        input_tokens=tokens.get("input"),
        output_tokens=tokens.get("output"),
        stop_reason=data.get("finish"),
        aborted=stopped or unfinished,
    )
    if any(part.get("type") == "compaction" for part in parts):
        message.kind = "compaction"
    return message


def _call(part: dict[str, Any]) -> ToolCall:
    state = part.get("state") or {}
    return ToolCall(
        id=part.get("callID") or "",
        name=part.get("tool") or "",
        arguments=state.get("input"),
        result=state.get("output", state.get("error")),
        is_error=state.get("status") == "error",
    )


def _provider(data: dict[str, Any]) -> str | None:
    provider = data.get("providerID")
    return provider if isinstance(provider, str) else None


def _decoded(text: str, skipped: Counter[str]) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        skipped["damaged row"] += 1
        return {}
