"""Texts and numbers inside of parts."""

from typing import Any

import pytest

from tests.socket.search.calls import append, find, snippet
from tests.support.wire import Wire


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ({"type": "tool_use", "input": {"url": "https://needle3.example/docs"}}, "needle3"),
        ({"type": "tool", "data": {"state": {"output": "compile error needle5"}}}, "needle5"),
        ({"type": "tool_result", "data": "stdout needle6"}, "needle6"),
        ({"input": {"id": "NEEDLE-1414"}}, "needle-1414"),
        ({"input": {"type": "needle15service"}}, "needle15service"),
        ({"input": {"port": 84437}}, "84437"),
        ({"input": {"share": 0.12345}}, "0.12345"),
        ({"text": "padding " * 9000 + "x"}, "padding"),
        ({"type": "image", "alt": "needle7"}, "needle7"),
        ({"deep": [[{"list": ["wombat"]}]]}, "wombat"),
        ({"text": "getUserById"}, "UserById"),
    ],
)
def test_a_part_is_searched(wire: Wire, session: str, part: dict[str, Any], word: str) -> None:
    append(wire, session, "something else", parts=[{"type": "text", "text": "nothing"}])
    made = append(wire, session, "look", parts=[part])
    assert find(wire, word) == [made]
    assert find(wire, f"look {word}") == [made]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "source": {"type": "base64", "data": "needle"}},
        {"type": "input_audio", "input_audio": {"data": "needle"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,needle"}},
        {"data": f"needle/{'Q' * 300}"},
        {"text": "x" * 65536 + " needle"},
        {"needle": None, "other": True},
    ],
)
def test_base64_names_and_the_end_of_a_long_string_are_not_searched(
    wire: Wire, session: str, part: dict[str, Any]
) -> None:
    append(wire, session, "look", parts=[part])
    assert find(wire, "needle") == []


def test_a_phrase_does_not_cross_from_one_text_into_the_next(wire: Wire, session: str) -> None:
    made = append(wire, session, "look", parts=[{"name": "bash", "input": {"command": "ls kangaroo"}}])
    for query in ('"look bash"', '"bash ls"'):
        assert find(wire, query) == []
    assert find(wire, '"ls kangaroo"') == [made]
    assert snippet(wire, "kangaroo") == "ls [kangaroo]"
