"""Continue CLI: `~/.continue/sessions/ID.json`, rewritten whole, without times and ids of messages."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.history.reader import Reading, SkipDamaged, files_below, first, from_ms, read_json, texts
from segue.history.records import HistoryMessage, HistorySession, ToolCall

INDEX = "sessions.json"


class ContinueCli:
    """The histories of Continue CLI and of Continue's extensions of editors."""

    name = "continue"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folder of the sessions."""
        return [Path(environment.get("CONTINUE_GLOBAL_DIR") or home / ".continue") / "sessions"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each session."""
        yield from (path for path in files_below(root, "*.json") if path.name != INDEX)

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the session of a file; its time is that in the index, else the file's."""
        skipped: Counter[str] = Counter()
        found = read_json(item)
        if not isinstance(found, dict) or not isinstance(found.get("history"), list):
            raise ValueError("not a session")
        messages = []
        for index, entry in enumerate(found["history"]):
            with SkipDamaged(skipped):
                if message := _message(index, entry):
                    messages.append(message)
                else:
                    skipped["unknown message"] += 1
        session = HistorySession(
            id=found.get("sessionId") or item.stem,
            path=str(item),
            directory=found.get("workspaceDirectory"),
            title=found.get("title"),
            model=first(message.model for message in messages),
            started_at=_started_at(item),
            messages=messages,
        )
        return Reading([session], skipped)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `cn --fork`, because `cn --resume` continues only the newest session of the terminal."""
        return ["cn", "--fork", session_id]


def _message(index: int, entry: dict[str, Any]) -> HistoryMessage | None:
    message = entry.get("message") or {}
    role, usage = message.get("role"), message.get("usage") or {}
    if role not in ("user", "assistant", "system"):
        return None
    return HistoryMessage(
        key=str(index),
        role=role,
        text=texts(message.get("content")),
        model=usage.get("model"),
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
        tool_calls=[_call(state) for state in entry.get("toolCallStates") or []],
    )


def _call(state: dict[str, Any]) -> ToolCall:
    output = state.get("output")
    return ToolCall(
        id=state.get("toolCallId") or "",
        name=((state.get("toolCall") or {}).get("function") or {}).get("name") or "",
        arguments=state.get("parsedArgs"),
        result="\n".join(str(part.get("content", "")) for part in output) if output is not None else None,
        is_error=state.get("status") == "errored",
    )


def _started_at(item: Path) -> str | None:
    try:
        entries = read_json(item.parent / INDEX)
        created = first(entry["dateCreated"] for entry in entries if entry.get("sessionId") == item.stem)
        return from_ms(int(created))
    except (OSError, ValueError, TypeError, KeyError):
        return from_ms(item.stat().st_mtime_ns // 1_000_000)
