"""A plain call must be read as the whole command line reads it, or be left to that."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.cli.commands.develop.rpc import parse_params
from segue.cli.fast_path import Call, parse

VALUES = st.one_of(
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", "false", "null", " true ", "\x0b1", "00", "-0", "1 2", "+1", "1.", "NaN", "Infinity", "٣", ""]
    ),
    st.from_regex(r"\s?-?[0-9]{1,20}(\.[0-9]+)?([eE][0-9]{1,3})?\s?", fullmatch=True),
    st.from_regex(r"[tfn\"{\[][a-z\"}\]]{0,5}", fullmatch=True),
)
NAMES = st.text(min_size=1).filter(lambda name: "=" not in name and not name.startswith("-"))


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_pairs_are_read_as_the_whole_command_line_reads_them(pairs: dict[str, str]) -> None:
    words = [f"{name}={value}" for name, value in pairs.items()]
    call = parse(["rpc", "a.method", *words])
    if call is None:
        return
    assert call.line is not None
    assert call.line.endswith(b"\n")
    sent = msgspec.json.decode(call.line)
    whole = parse_params(tuple(words), 100)
    assert sent == {"jsonrpc": "2.0", "method": "a.method", "id": 1, **({"params": whole} if whole else {})}


@pytest.mark.parametrize(
    ("words", "params"),
    [
        (
            ["limit=5", "pinned=true", "id=2026-11-21-0531-754"],
            {"limit": 5, "pinned": True, "id": "2026-11-21-0531-754"},
        ),
        (["name=a=b", "name=c"], {"name": "c"}),
        (['text=he said "no"\n\x00'], {"text": 'he said "no"\n\x00'}),
        (["text="], {"text": ""}),
    ],
)
def test_a_plain_call_is_sent_immediately(words: list[str], params: dict[str, object]) -> None:
    call = parse(["rpc", "m", *words])
    assert call is not None
    assert call.line is not None
    assert msgspec.json.decode(call.line)["params"] == params


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ping", "--json"],
        ["ping", "more"],
        ["--socket", "/x", "ping"],
        ["list"],
        ["rpc"],
        ["rpc", "-h"],
        ["rpc", "m", "-"],
        ["rpc", "m", "word"],
        ["rpc", "m", "=value"],
        ["rpc", "m", '{"a": 1}'],
        ["rpc", "m", " {a=1"],
        ["rpc", "m", "a=[1]"],
        ["rpc", "m", "a=1.5"],
        ["rpc", "m", "a=1234567890123456789"],
        ["rpc", "m", "a=\udcff"],
        ["rpc", "\udcff"],
    ],
)
def test_what_is_not_plain_is_left_to_the_whole_command_line(arguments: list[str]) -> None:
    assert parse(arguments) is None


def test_a_ping_is_plain() -> None:
    assert parse(["ping"]) == Call(None)
