"""Each reader gives exactly what is known to be in the files of its tool."""

import json
import re
from typing import Any

import pytest

from segue.history.discovery import Found
from segue.history.reader import from_iso
from segue.history.records import HistoryMessage
from segue.history.registry import readers
from tests.unit.history.histories import CORPORA, HISTORIES, HOME, read

TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|\+00:00)?)(?: \(local time, no zone\))?")
NOT_COMPARED = {"id", "file", "messages", "abandoned"}


def normalized(value: Any) -> Any:
    """Return the value with every time as the wire writes it."""
    if isinstance(value, dict):
        return {name: normalized(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [normalized(inner) for inner in value]
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    return from_iso(found[1]) if found else value


def as_expected(message: HistoryMessage) -> dict[str, Any]:
    """Return the message in the form of expected.json, which leaves out what is not there."""
    tokens = {"input": message.input_tokens, "output": message.output_tokens}
    shown: dict[str, Any] = {"role": message.role, "text": message.text, "at": message.at}
    if message.token_count is not None:
        shown["tokens"] = {"total": message.token_count}
    elif any(count is not None for count in tokens.values()):
        shown["tokens"] = tokens
    if message.tool_calls:
        names = ("id", "name", "arguments", "result", "is_error")
        shown["tool_calls"] = [{name: getattr(call, name) for name in names} for call in message.tool_calls]
    optional = {"kind": message.kind, "thinking": message.thinking, "aborted": message.aborted or None}
    return shown | {name: value for name, value in optional.items() if value is not None}


@pytest.fixture(params=sorted(CORPORA))
def corpus(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def expected(corpus: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((HISTORIES / corpus / "expected.json").read_text())["sessions"]
    return [normalized(session) for session in found]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the local time of the machine on which the tools ran."""
    monkeypatch.setenv("TZ", "UTC")


def test_all_sessions_of_the_tool_are_found(corpus: str, expected: list[dict[str, Any]]) -> None:
    assert set(read(corpus)) == {str(session["id"]) for session in expected}


def test_all_messages_are_read_exactly(corpus: str, expected: list[dict[str, Any]]) -> None:
    found = read(corpus)
    for session in expected:
        messages = found[str(session["id"])].messages
        assert [as_expected(one) for one in messages if not one.abandoned] == session["messages"]
        assert [as_expected(one) for one in messages if one.abandoned] == session.get("abandoned", [])


def test_what_is_known_of_a_session_is_read_exactly(corpus: str, expected: list[dict[str, Any]]) -> None:
    found = read(corpus)
    for session in expected:
        one = found[str(session["id"])]
        for name in session.keys() - NOT_COMPARED:
            value: Any = one.metadata.get(name, getattr(one, name, None))
            if name == "bot":
                value = one.bot and one.bot.id
            if name == "pending_extractions":
                value = [one.extraction]
            if isinstance(value, str):
                value = value.replace(str(HISTORIES / corpus), HOME)
            if name in ("summaries", "memories", "pending_extractions"):
                columns = {"messages_start": "start", "messages_end": "end"}
                rows = zip(value, session[name], strict=True)
                value = [{key: getattr(row, columns.get(key, key)) for key in known} for row, known in rows]
            assert value == session[name], (one.id, name)


def test_keys_are_unique_within_a_session_and_stay_the_same(corpus: str) -> None:
    first, second = read(corpus), read(corpus)
    for session_id, session in first.items():
        keys = [message.key for message in session.messages]
        assert len(set(keys)) == len(keys)
        assert keys == [message.key for message in second[session_id].messages]


def test_every_tool_of_the_contract_has_a_reader() -> None:
    named = (
        "claude codex opencode gemini qwen copilot cline kimi kimi-code continue crush goose llm aider gptme shell-gpt"
        " cherry2k synapse boternity hfs chatgpt claude-ai"
    )
    assert set(readers()) == set(named.split())


RESUME = {
    "aider": "aider --restore-chat-history",
    "claude": "claude --resume ID",
    "codex": "codex resume ID",
    "opencode": "opencode --session ID",
    "gemini": "gemini --resume ID",
    "qwen": "qwen --resume ID",
    "copilot": "copilot --resume=ID",
    "cline": "cline --id ID",
    "kimi": "kimi --session ID",
    "kimi-code": "kimi --session ID",
    "continue": "cn --fork ID",
    "crush": "crush --session ID",
    "goose": "goose session --resume --session-id ID",
    "llm": "llm chat --cid ID",
    "gptme": "gptme --name ID",
    "shell-gpt": "sgpt --chat ID",
}
"""The command of each tool that can continue a session."""


@pytest.mark.parametrize("tool", sorted(readers()))
def test_a_session_is_opened_by_the_command_of_its_tool(tool: str) -> None:
    command = readers()[tool].resume_command("ID")
    assert (None if command is None else " ".join(command)) == RESUME.get(tool)


COUNTED = {"copilot": -1, "gemini": +1}
"""How much the count differs: a sub-agent of Copilot is inside a file, and a file of Gemini CLI has no message."""


def test_sessions_are_counted_without_reading_all(corpus: str, expected: list[dict[str, Any]]) -> None:
    reader = readers()[CORPORA[corpus]]
    problems: list[str] = []
    counts = [
        Found(reader, root, list(reader.discover(root)), None).sessions(problems)
        for root in reader.roots({}, HISTORIES / corpus, "linux")
    ]
    assert (sum(counts), problems) == (len(expected) + COUNTED.get(corpus, 0), [])
