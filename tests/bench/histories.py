"""Histories of other tools to import: dense and ordinary sessions, and files as Claude Code writes them today."""

import json
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

from tests.bench.corpus import SEED, Language

TURNS = 19
"""Turns of a dense session: a question, an answer with a tool call, its result, and a last answer."""

ORDINARY_TURNS = 5
"""Turns of an ordinary session at most."""

PADDING_BYTES = 200
"""Bytes of members beside the text of a dense record, as in files of 2025."""

CONVERSATION = 0.07
"""The share of conversation in a file as the program writes it today."""

FIRST_SECOND = 1_790_000_000


def make_dense(home: Path, sessions: int) -> int:
    """Write sessions of nothing but conversation, and return the bytes."""
    language = Language(random.Random(SEED))
    total = 0
    for number in range(sessions):
        folder = home / ".claude" / "projects" / f"-home-ada-project-{number // 10}"
        folder.mkdir(parents=True, exist_ok=True)
        session = str(UUID(int=number + 1))
        lines = [json.dumps(record, ensure_ascii=False) for record in _records(language, session, number)]
        data = "\n".join(lines).encode() + b"\n"
        (folder / f"{session}.jsonl").write_bytes(data)
        total += len(data)
    return total


def make_real(home: Path, sessions: int) -> int:
    """Write sessions of which 7 % is conversation and the rest copies of requests, and return the bytes."""
    language = Language(random.Random(SEED))
    tools = [{"name": f"tool-{number}", "description": language.text()} for number in range(9)]
    state = json.dumps({"type": "api-request-blob", "body": {"system": language.text(), "tools": tools}})
    total = 0
    for number in range(sessions):
        folder = home / ".claude" / "projects" / f"-home-ada-project-{number // 10}"
        folder.mkdir(parents=True, exist_ok=True)
        session = str(UUID(int=number + 1))
        lines: list[str] = []
        for record in _records(language, session, number):
            lines.append(json.dumps(record, ensure_ascii=False))
            lines += [state] * round(len(lines[-1]) / CONVERSATION / len(state))
        data = "\n".join(lines).encode() + b"\n"
        (folder / f"{session}.jsonl").write_bytes(data)
        total += len(data)
    return total


def make_ordinary(home: Path, sessions: int) -> int:
    """Write short sessions, of Claude Code and of Codex by turns, and return the bytes."""
    language, choice = Language(random.Random(SEED)), random.Random(SEED)
    total = 0
    for number in range(sessions):
        turns, session = choice.randint(1, ORDINARY_TURNS), str(UUID(int=number + 1))
        if number % 2:
            file = home / ".codex" / "sessions" / "2026" / "09" / f"{number % 28 + 1:02}" / f"rollout-{session}.jsonl"
            records = _rollout(language, session, number, turns)
        else:
            file = home / ".claude" / "projects" / f"-home-ada-project-{number // 20}" / f"{session}.jsonl"
            records = _records(language, session, number, turns)
        file.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
        file.write_bytes(data)
        total += len(data)
    return total


def _rollout(language: Language, session: str, number: int, turns: int) -> Iterator[dict[str, object]]:
    """Yield the records of one session of Codex, which has each text twice."""
    at, cwd = FIRST_SECOND + number * 900, f"/home/ada/project-{number // 20}"
    yield _codex_line(at, "session_meta", {"id": session, "cwd": cwd, "cli_version": "0.171.0", "source": "exec"})
    for turn in range(turns):
        at += 30
        yield _codex_line(at, "turn_context", {"cwd": cwd, "model": "gpt-5", "approval_policy": "never"})
        for role, kind in (("user", "UserMessage"), ("assistant", "AgentMessage")):
            text = language.text()
            typed = {"type": "input_text" if role == "user" else "output_text", "text": text}
            item = {"type": kind, "id": f"{number}-{turn}-{role}", "content": [{"type": "text", "text": text}]}
            yield _codex_line(at, "response_item", {"type": "message", "role": role, "content": [typed]})
            yield _codex_line(at, "event_msg", {"type": "item_completed", "thread_id": session, "item": item})
        usage = {"input_tokens": 1200, "output_tokens": 90}
        yield _codex_line(at, "token_usage_record", {"thread_id": session, "usage": usage})


def _codex_line(second: int, kind: str, payload: dict[str, object]) -> dict[str, object]:
    return {"timestamp": _time(second), "type": kind, "payload": payload}


def _records(language: Language, session: str, number: int, turns: int = TURNS) -> Iterator[dict[str, object]]:
    """Yield the records of one session."""
    parent: str | None = None
    for index in count():
        turn, step = divmod(index, 4)
        if turn == turns:
            return
        uuid = str(UUID(int=(number << 32) + index + 1))
        at = FIRST_SECOND + number * 900 + index * 10
        yield {
            "parentUuid": parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": f"/home/ada/project-{number // 10}",
            "sessionId": session,
            "version": "2.1.332",
            "gitBranch": "main",
            "type": "user" if step in (0, 2) else "assistant",
            "message": _message(language, step, f"{number}-{turn}"),
            "uuid": uuid,
            "timestamp": _time(at),
            "requestId": "r" * PADDING_BYTES,
        }
        parent = uuid


def _message(language: Language, step: int, call: str) -> dict[str, object]:
    if step == 0:
        return {"role": "user", "content": language.text()}
    if step == 2:
        result = {"tool_use_id": f"toolu_{call}", "type": "tool_result", "content": language.text() * 3}
        return {"role": "user", "content": [result]}
    blocks: list[dict[str, object]] = [{"type": "text", "text": language.text() * 2}]
    if step == 1:
        command = {"command": f"grep -rn {language.text()[:40]} src"}
        blocks.append({"type": "tool_use", "id": f"toolu_{call}", "name": "Bash", "input": command})
    usage = {"input_tokens": 1200, "output_tokens": 90}
    return {
        "id": f"msg_{call}_{step}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5",
        "content": blocks,
        "usage": usage,
    }


def _time(second: int) -> str:
    from segue.timestamps import timestamp

    return timestamp(second * 1000)
