"""Histories of other tools to import: dense sessions of Claude Code, and files as the program writes them today."""

import json
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import UUID

from tests.bench.corpus import SEED, Language

TURNS = 19
"""Turns of a dense session: a question, an answer with a tool call, its result, and a last answer."""

MESSAGES_PER_SESSION = TURNS * 4

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


def _records(language: Language, session: str, number: int) -> Iterator[dict[str, object]]:
    """Yield the records of one session."""
    parent: str | None = None
    for index in count():
        turn, step = divmod(index, 4)
        if turn == TURNS:
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
