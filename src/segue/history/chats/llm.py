"""llm: `logs.db` in its configuration folder, with two schemas that share no table of messages.

1. Up to 0.35, `responses` holds a prompt and its answer; a tool result belongs to the next response.
2. From 0.36, `messages` form chains by `parent_hash`, which threads with the same beginning share. A message's hash is
   therefore unique only together with the thread. The old tables are still there and stay empty.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import SkipDamaged, first, from_iso, platform_folder
from segue.history.records import HistoryMessage, HistorySession, Role, ToolCall

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}

MAX_CHAIN = 100_000
"""Messages of one thread; a longer chain is damaged and would not end."""


class Llm(DatabaseReader):
    """The logs of llm."""

    name = "llm"
    counted = ("SELECT count(*) FROM threads", "SELECT count(DISTINCT coalesce(conversation_id, id)) FROM responses")

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        if folder := environment.get("LLM_USER_PATH"):
            return [Path(folder) / "logs.db"]
        return [platform_folder("config", environment, home, platform) / "io.datasette.llm/logs.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every conversation of both schemas."""
        if rows.tables and rows.tables.isdisjoint(("threads", "responses")):
            raise ValueError("not of a known form (neither threads nor responses); if llm is newer, upgrade segue")
        if "threads" in rows.tables:
            yield from _threads(rows, item, skipped)
        if "responses" in rows.tables:
            yield from _conversations(rows, item, skipped)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `llm chat --cid`."""
        return ["llm", "chat", "--cid", session_id]


def _threads(rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
    turns: dict[tuple[str, str], Any] = {}
    for row in rows.select(
        "SELECT thread_id, tip_message_hash, model, input_tokens, output_tokens, datetime_utc FROM turns ORDER BY id"
    ):
        turns[row["thread_id"], row["tip_message_hash"]] = row
    for row in rows.select("SELECT id, name, tip_message_hash, forked_from FROM threads ORDER BY id"):
        chain = _messages(rows, row["id"], row["tip_message_hash"], turns, skipped)
        messages = [message for message in chain if message.role != "system"]
        yield HistorySession(
            id=row["id"],
            path=str(item),
            title=row["name"],
            model=first(message.model for message in messages),
            started_at=first(message.at for message in messages),
            system_prompt=first(message.text for message in chain if message.role == "system"),
            forked_from=row["forked_from"],
            messages=messages,
        )


def _messages(
    rows: Rows, thread_id: str, tip: str | None, turns: Mapping[tuple[str, str], Any], skipped: Counter[str]
) -> list[HistoryMessage]:
    chain: list[tuple[str, str]] = []
    while tip is not None and len(chain) < MAX_CHAIN:
        found = next(rows.select("SELECT hash, parent_hash, role FROM messages WHERE hash = ?", tip), None)
        if found is None:
            skipped["missing message"] += 1
            break
        chain.append((found["hash"], found["role"]))
        tip = found["parent_hash"]
    messages: list[HistoryMessage] = []
    calls: dict[str, ToolCall] = {}
    for hash, role in reversed(chain):
        message = HistoryMessage(key=hash, role=ROLES.get(role, "tool"), text="")
        with SkipDamaged(skipped):
            _add_parts(rows, message, calls)
        if turn := turns.get((thread_id, hash)):
            message.at, message.model = from_iso(turn["datetime_utc"]), turn["model"]
            message.input_tokens, message.output_tokens = turn["input_tokens"], turn["output_tokens"]
        if role in ("user", "assistant", "system"):  # The parts of a tool's message are results.
            messages.append(message)
    return messages


def _add_parts(rows: Rows, message: HistoryMessage, calls: dict[str, ToolCall]) -> None:
    texts = []
    sql = "SELECT type, text, payload FROM parts WHERE message_hash = ? ORDER BY position"
    for part in rows.select(sql, message.key):
        payload = _json(part["payload"]) or {}
        if part["type"] == "text":
            texts.append(_text(rows, part["text"], payload))
        elif part["type"] == "reasoning":
            message.thinking = (message.thinking or "") + (part["text"] or "")
        elif part["type"] == "tool_call":
            call_id, name = payload.get("tool_call_id") or "", payload.get("name") or ""
            calls[call_id] = ToolCall(id=call_id, name=name, arguments=payload.get("arguments"))
            message.tool_calls = [*message.tool_calls, calls[call_id]]
        elif part["type"] == "tool_result" and (call := calls.get(payload.get("tool_call_id") or "")):
            call.result, call.is_error = payload.get("output"), bool(payload.get("exception"))
    message.text = "\n".join(texts)


def _text(rows: Rows, text: str | None, payload: dict[str, Any]) -> str:
    """Return a part's text, put together of fragments and literals where it refers to them."""
    pieces = []
    for piece in payload.get("text_ref", []):
        if "fragment" in piece:
            found = next(rows.select("SELECT content FROM fragments WHERE id = ?", piece["fragment"]), None)
            pieces.append(found["content"] if found else "")
        else:
            pieces.append(piece.get("literal", ""))
    return text or "".join(pieces)


def _conversations(rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
    named = {row["id"]: row["name"] for row in rows.select("SELECT id, name FROM conversations")}
    sql = """
        SELECT id, conversation_id, model, prompt, system, response, duration_ms, datetime_utc,
            input_tokens, output_tokens
        FROM responses ORDER BY id
    """
    sessions: dict[str, HistorySession] = {}
    calls: dict[str, ToolCall] = {}
    for row in rows.select(sql):
        session_id = row["conversation_id"] or row["id"]
        session = sessions.setdefault(
            session_id,
            HistorySession(
                id=session_id,
                path=str(item),
                title=named.get(session_id),
                model=row["model"],
                system_prompt=row["system"],
                started_at=from_iso(row["datetime_utc"]),
            ),
        )
        with SkipDamaged(skipped):
            session.messages += _exchange(rows, row, calls)
    yield from sessions.values()


def _exchange(rows: Rows, row: Any, calls: dict[str, ToolCall]) -> Iterator[HistoryMessage]:
    at = from_iso(row["datetime_utc"])
    if "tool_results" in rows.tables:
        sql = "SELECT output, tool_call_id FROM tool_results WHERE response_id = ? ORDER BY id"
        for result in rows.select(sql, row["id"]):
            if call := calls.get(result["tool_call_id"] or ""):
                call.result, call.is_error = result["output"], False
    prompt = "\n".join(filter(None, [*_fragments(rows, row["id"]), row["prompt"]]))
    if prompt:
        yield HistoryMessage(key=f"{row['id']}-prompt", role="user", text=prompt, at=at)
    made = []
    if "tool_calls" in rows.tables:
        sql = "SELECT name, arguments, tool_call_id FROM tool_calls WHERE response_id = ? ORDER BY id"
        for found in rows.select(sql, row["id"]):
            arguments = _json(found["arguments"])
            made.append(ToolCall(id=found["tool_call_id"] or "", name=found["name"] or "", arguments=arguments))
    calls |= {call.id: call for call in made}
    yield HistoryMessage(
        key=row["id"],
        role="assistant",
        text=row["response"] or "",
        at=at,
        model=row["model"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        response_ms=row["duration_ms"],
        tool_calls=made,
    )


def _fragments(rows: Rows, response_id: str) -> list[str]:
    if "prompt_fragments" not in rows.tables:
        return []
    sql = """
        SELECT f.content FROM prompt_fragments AS p JOIN fragments AS f ON f.id = p.fragment_id
        WHERE p.response_id = ? ORDER BY p."order"
    """
    return [row["content"] for row in rows.select(sql, response_id)]


def _json(text: str | None) -> Any:
    try:
        return msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        return None
