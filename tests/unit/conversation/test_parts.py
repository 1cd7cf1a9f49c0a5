"""Parts are read in the shapes of three APIs, and a message's tokens are estimated from all of it."""

from typing import Any

import pytest

from segue.conversation.parts import (
    MEDIA_TOKENS,
    ToolCall,
    ToolResult,
    estimate_tokens,
    strings,
    tool_calls,
    tool_results,
)

ANTHROPIC = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
CHAT = {"id": "t1", "type": "function", "function": {"name": "Bash", "arguments": '{"command":"ls"}'}}
RESPONSES = {"type": "function_call", "call_id": "t1", "name": "Bash", "arguments": '{"command":"ls"}'}


@pytest.mark.parametrize("part", [ANTHROPIC, CHAT, {"tool_calls": [CHAT]}, RESPONSES])
def test_a_call_is_found_in_each_shape(part: dict[str, Any]) -> None:
    assert tool_calls([{"type": "text", "text": "I'll look."}, part]) == [ToolCall("t1", "Bash", {"command": "ls"})]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "tool_result", "tool_use_id": "t1", "content": "main.py"},
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "main.py"}]},
        {"tool_call_id": "t1", "content": "main.py"},
        {"type": "function_call_output", "call_id": "t1", "output": "main.py"},
    ],
)
def test_a_result_is_found_in_each_shape(part: dict[str, Any]) -> None:
    assert tool_results([part]) == [ToolResult("t1", "main.py", is_error=False)]


def test_arguments_that_are_no_json_stay_text() -> None:
    cut = CHAT | {"function": {"name": "Bash", "arguments": '{"command":'}}
    assert tool_calls([cut]) == [ToolCall("t1", "Bash", '{"command":')]


@pytest.mark.parametrize("part", [{}, {"type": "tool_use"}, {"tool_calls": None}, {"tool_calls": [3]}, {"id": 5}])
def test_odd_parts_give_no_error(part: dict[str, Any]) -> None:
    assert tool_calls([part]) in ([], [ToolCall("", "", None)])
    assert tool_results([part]) == []


@pytest.mark.parametrize(
    ("content", "parts", "tokens"),
    [
        ("", None, 0),
        ("x", None, 1),
        ("12345", None, 2),
        ("漢" * 1001, None, 1001),
        ("ภาษาไทย!", None, 4),
        ("नमस्ते", None, 3),
        ("größte", None, 2),
        ("", [{"type": "tool_result", "tool_use_id": "t", "content": "x" * 40_000}], 10_001),
        ("", [{"type": "image", "source": {"type": "base64", "data": "A" * 1_900_000}}], MEDIA_TOKENS),
        ("see", [{"type": "input_audio", "input_audio": {"data": "A" * 5000, "format": "wav"}}], 1 + MEDIA_TOKENS),
        ("said once", [{"type": "text", "text": "said once"}], 3),
        ("one\ntwo", [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], 2),
        ("out" * 100, [{"type": "tool_result", "tool_use_id": "t", "content": "out" * 100}], 76),
        ("", [{"type": "tool_result", "content": [{"type": "image", "source": {"data": "A"}}] * 2}], 2 * MEDIA_TOKENS),
        ("", [{"type": "blob", "bytes": "QUJDx4" * 100}], 1),
    ],
)
def test_tokens_are_estimated_by_script_and_kind(content: str, parts: list[dict[str, Any]] | None, tokens: int) -> None:
    found = estimate_tokens(content, parts)
    names = sum(len(str(part.get("type", ""))) for part in parts or () if part.get("type") in ("tool_result", "blob"))
    assert tokens <= found <= tokens + names


def test_every_string_and_number_is_searched_but_no_data() -> None:
    value = {
        "input": {"url": "https://needle.example", "port": 84437, "deep": [{"id": "NEEDLE-1414"}]},
        "flag": True,
        "picture": {"type": "image", "source": {"data": "short", "note": "kept"}},
        "blob": "QUJDx4" * 100,
        "url": "data:image/png;base64,QUJD",
    }
    assert list(strings(value)) == ["https://needle.example", "84437", "NEEDLE-1414", "image", "kept"]
