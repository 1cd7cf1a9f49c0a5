"""A record file is read alike by either parser of JSON."""

import sys

import pytest

from segue.runtime.json_object import is_text, parse_object

OBJECTS = [
    (b'{"socket": "/run/x", "pid": 7, "host": null}', {"socket": "/run/x", "pid": 7, "host": None}),
    (b' {"name": "\\u00fc \xc3\xbc"}\n', {"name": "ü ü"}),
    (b"{}", {}),
]
OTHERS = [b"", b"[]", b"7", b'"text"', b"null", b'{"a": 1', b'{"a": 1} x', b'{"a": "\xff"}', b"[" * 100_000, b"\0"]


@pytest.fixture(params=["json", "msgspec"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "json":
        monkeypatch.delitem(sys.modules, "msgspec")


@pytest.mark.parametrize(("data", "value"), OBJECTS)
def test_an_object_is_returned(data: bytes, value: dict[str, object]) -> None:
    assert parse_object(data) == value


@pytest.mark.parametrize("data", OTHERS, ids=lambda data: repr(data[:12]))
def test_anything_else_is_an_empty_object(data: bytes) -> None:
    assert parse_object(data) == {}


def test_an_unpaired_surrogate_is_no_text() -> None:
    assert not is_text(parse_object(b'{"socket": "/run/\\ud800"}').get("socket"))
    assert is_text("/run/\U0001f600")
