"""The values that a client sends."""

from collections import OrderedDict
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.client.json_values import json_value, replace_surrogates
from segue.client.protocol import RequestPipeline


class Label(str):
    pass


class Color(StrEnum):
    RED = "red"


class Role(str, Enum):  # noqa: UP042 - its str() differs from its value
    USER = "user"


class Draft(msgspec.Struct):
    content: str
    key: str | None | msgspec.UnsetType = msgspec.UNSET


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("caf\u00e9", "caf\u00e9"),
        ("caf\udce9!", "caf\ufffd!"),
        ("\ud800", "\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\U0001f600\ud800x", "\U0001f600\ufffdx"),
        (Label("a"), "a"),
        (Label("\u00e9"), "\u00e9"),
        (Color.RED, "red"),
    ],
)
def test_an_unpaired_surrogate_becomes_a_replacement_character(text: str, expected: str) -> None:
    replaced = replace_surrogates(text)
    assert (replaced, type(replaced)) == (expected, str)


@given(st.text(st.characters()))
def test_every_text_can_be_sent_and_a_valid_one_is_unchanged(text: str) -> None:
    replaced = replace_surrogates(text)
    assert replaced.encode().decode() == replaced
    if not any(0xD800 <= ord(character) < 0xE000 for character in text):
        assert replaced == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Role.USER, "user"),
        (b"caf\xe9", "caf\ufffd"),
        ({Label("k"): Label("v")}, {"k": "v"}),
        ({"\ud800": (1, 2.5, None, True)}, {"\ufffd": [1, 2.5, None, True]}),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ([Draft("\ud800"), Draft("b", None)], [{"content": "\ufffd"}, {"content": "b", "key": None}]),
    ],
)
def test_a_value_is_converted_to_json(value: Any, expected: Any) -> None:
    assert json_value(value) == expected
    msgspec.json.encode(json_value(value))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", [lambda n: n, lambda n: {"parts": [{"x": n}]}, lambda n: {"metadata": {"x": (n,)}}])
def test_nan_and_infinity_are_refused_before_anything_is_sent(number: float, place: Any) -> None:
    pipeline = RequestPipeline()
    with pytest.raises(ValueError, match="cannot be sent"):
        pipeline.new_request("message.append", place(number))
    assert pipeline._pending == {}
