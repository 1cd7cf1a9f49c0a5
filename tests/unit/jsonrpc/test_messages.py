"""What is JSON, what is a request, and which id its answer bears."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import InvalidRequest, NotFound, ParseError
from segue.jsonrpc import messages
from segue.jsonrpc.messages import Request, parse_request

NOT_JSON = [
    b"NaN", b"[Infinity]", b"-Infinity", b"1e400", b"[-1e400]",
    b'"\xed\xa0\x80"', b'{"\xed\xa0\x80":1}', b'"\xf4\x90\x80\x80"', b'"\xc0\x80"', b'"\xff"', b'{"\xff":1}',
    b"\xef\xbb\xbf1", b"\xff\xfe1\x00", b"\xc2\xa01",
    b"9" * 5000, b'{"jsonrpc":"2.0","method":"m","id":' + b"9" * 5000 + b"}",
    b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000,
    b"{} {}", b"[]]", b"1 x", b"{", b'"', b"nul", b"True", b"01", b"+1", b".5", b"1.", b"[1,]", b'{"a":1,}', b"'a'",
    b"{a:1}", b'"\x00"', b'"\t"', b"\x00", b'"\\x41"', b"//", b"",
]  # fmt: skip


@pytest.mark.parametrize("line", NOT_JSON, ids=lambda line: repr(line[:20]))
def test_what_is_not_strict_json_is_a_parse_error(line: bytes) -> None:
    with pytest.raises(ParseError):
        messages.parse_json(line)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b' {"a" : 1}\r', {"a": 1}),
        (b'"\\u0000\\ud83d\\ude00\xc3\xa9"', "\0😀é"),
        (b"18446744073709551617", 2**64 + 1),
        (b"-9007199254740993", -(2**53) - 1),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"1e-400", 0.0),
    ],
    ids=repr,
)
def test_what_is_json_is_taken_exactly(line: bytes, value: Any) -> None:
    found = messages.parse_json(line)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud800", "\ufffd"),
        (r"\uDC00 and more", "\ufffd and more"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\ud800\ud800", "\ufffd\ufffd"),
        (r"\ud800\ud83d\ude00\udfff", "\ufffd😀\ufffd"),
        (r"\\ud800\ud800", r"\ud800" + "\ufffd"),
        (r"\\\ud83d\\ude00", "\\\ufffd\\ude00"),
        (r"\"\ud800\n", '"\ufffd\n'),
    ],
)
def test_lone_surrogates_are_taken_as_replacement_characters(escaped: str, text: str) -> None:
    assert messages.parse_json(f'{{"{escaped}":["{escaped}"]}}'.encode()) == {text: [text]}


def test_two_hundred_levels_and_then_some_are_not_too_deep() -> None:
    line = b"[" * 300 + b"]" * 300
    assert msgspec.json.encode(messages.parse_json(line)) == line


REQUEST = {"jsonrpc": "2.0", "method": "m", "id": 1}
IDS = ["", "x", "\0é😀", 0, 1, -1, 2**53 + 1, 2**64 + 1, -(2**63) - 1, 1.5, 1e300]
NO_IDS = [True, False, [], [1], {}, {"a": 1}]


@pytest.mark.parametrize("id", IDS, ids=repr)
def test_an_id_is_a_string_or_a_number_and_comes_back_exactly(id: Any) -> None:
    call = parse_request(messages.parse_json(msgspec.json.encode({**REQUEST, "id": id})))
    assert (call.id, type(call.id), call.expects_response) == (id, type(id), True)
    assert msgspec.json.decode(messages.success_response(call.id, None)) == {"jsonrpc": "2.0", "result": None, "id": id}


def test_a_request_with_id_null_wants_an_answer_and_one_without_an_id_does_not() -> None:
    assert parse_request({**REQUEST, "id": None}) == Request("m", None, None, expects_response=True)
    assert parse_request({"jsonrpc": "2.0", "method": "m"}) == Request("m", None, None, expects_response=False)


@pytest.mark.parametrize("id", NO_IDS, ids=repr)
def test_any_other_id_makes_the_request_invalid_and_cannot_be_used(id: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_request({**REQUEST, "id": id})
    assert messages.usable_id({**REQUEST, "id": id}) is None


@pytest.mark.parametrize("params", [1, "x", True, 1.5], ids=repr)
def test_params_are_an_object_or_an_array(params: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_request({**REQUEST, "params": params})


@pytest.mark.parametrize("params", [None, {}, [], {"a": None}, [None]], ids=repr)
def test_params_may_be_empty_and_may_hold_nulls(params: Any) -> None:
    assert parse_request({**REQUEST, "params": params}).params == params


WRONG_VERSIONS: list[Any] = ["1.0", "2", 2, 2.0, None, "2.0 ", ["2.0"]]
WRONG_NAMES: list[Any] = [1, None, True, [], {}]


@pytest.mark.parametrize(
    "wrong",
    [{"jsonrpc": version} for version in WRONG_VERSIONS] + [{"method": name} for name in WRONG_NAMES],
    ids=repr,
)
def test_the_version_and_the_name_are_checked_and_the_id_is_kept(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        parse_request({**REQUEST, **wrong})
    assert messages.usable_id({**REQUEST, **wrong}) == 1


@pytest.mark.parametrize("missing", ["jsonrpc", "method"])
def test_the_version_and_the_name_must_be_there(missing: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_request({name: value for name, value in REQUEST.items() if name != missing})


def test_unknown_members_are_ignored() -> None:
    assert parse_request({**REQUEST, "trace": 1, "Id": 2}) == Request("m", None, 1, expects_response=True)


def test_an_error_has_its_code_its_words_and_its_data() -> None:
    assert msgspec.json.decode(messages.error_response("x", NotFound("session", "nope"))) == {
        "jsonrpc": "2.0",
        "error": {
            "code": -32002,
            "message": "no session 'nope'",
            "data": {"kind": "not_found", "what": "session", "id": "nope"},
        },
        "id": "x",
    }


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_fail_to_parse(line: bytes) -> None:
    try:
        messages.parse_json(line)
    except ParseError:
        return


json_values = st.recursive(
    st.none() | st.text(st.sampled_from('[{\\"ab]},:\n'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(']}\\",:', max_size=3), inner, max_size=3),
    max_leaves=15,
)


def counted(value: Any) -> tuple[int, int]:
    """Return the number of arrays, objects and members, and of values that another one follows."""
    if not isinstance(value, dict | list):
        return 0, 0
    inner = [counted(one) for one in (value.values() if isinstance(value, dict) else value)]
    members = len(value) if isinstance(value, dict) else 0
    structures, values = (sum(column) for column in zip((0, 0), *inner, strict=True))
    return 1 + members + structures, max(len(value) - 1, 0) + values


def names_in(value: Any) -> set[str]:
    if not isinstance(value, dict | list):
        return set()
    inner = [names_in(one) for one in (value.values() if isinstance(value, dict) else value)]
    return set().union(value if isinstance(value, dict) else (), *inner)


@given(json_values, st.integers(1, 9))
def test_values_are_counted_outside_strings_only(value: Any, slice_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(messages, "SLICE_BYTES", slice_bytes)
        *_, count = messages.count_values(msgspec.json.encode(value))
    assert count[:2] == counted(value)


@given(json_values)
def test_each_name_counts_once(value: Any) -> None:
    *_, count = messages.count_values(msgspec.json.encode(value))
    assert count.names == len(names_in(value))
