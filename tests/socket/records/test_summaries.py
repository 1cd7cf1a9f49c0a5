"""Summaries: ranges of messages that really are of the session, the newest one, and nothing deleted for them."""

from typing import Any

import pytest

from segue.config import Config, Limits
from segue.errors import InvalidParams, NotFound, TooLarge
from tests.support.clock import SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create")["id"]
    return found


@pytest.fixture
def messages(wire: Wire, session: str) -> list[int]:
    many = wire.call("message.append_many", session_id=session, messages=[{"role": "user", "content": "x"}] * 5)
    found: list[int] = many["message_ids"]
    return found


def save(wire: Wire, session: str, start: int, end: int, text: str = "s", token_count: int = 7) -> Any:
    return wire.call(
        "summary.save", session_id=session, summary=text, messages_start=start, messages_end=end,
        token_count=token_count,
    )  # fmt: skip


def test_a_summary_has_every_member_and_changes_nothing_else(
    server: Server, wire: Wire, session: str, messages: list[int]
) -> None:
    before = wire.call("session.get", session_id=session), wire.call("message.list")
    server.clock.pass_time(SECOND)
    made = save(wire, session, messages[0], messages[3], "they said\n😀", 42)
    assert made == {
        "id": made["id"], "session_id": session, "summary": "they said\n😀", "messages_start": messages[0],
        "messages_end": messages[3], "token_count": 42, "created_at": server.clock.at,
    }  # fmt: skip
    assert wire.call("summary.latest", session_id=session) == made
    assert (wire.call("session.get", session_id=session), wire.call("message.list")) == before


def test_the_latest_is_the_one_saved_last_in_each_session_whatever_the_clock_and_the_range(
    server: Server, wire: Wire, session: str, messages: list[int]
) -> None:
    other = wire.call("session.create")["id"]
    assert wire.call("summary.latest", session_id=session) is None
    first = save(wire, session, messages[0], messages[4])
    server.clock.jump(-SECOND)
    second = save(wire, session, messages[1], messages[2])
    assert second["id"] > first["id"]
    assert wire.call("summary.latest", session_id=session) == second
    assert wire.call("summary.latest", session_id=other) is None
    server.restart()
    assert server.connect().call("summary.latest", session_id=session) == second


def test_a_range_of_one_message_is_a_range(wire: Wire, session: str, messages: list[int]) -> None:
    assert save(wire, session, messages[2], messages[2])["messages_end"] == messages[2]


def test_a_range_that_ends_before_it_starts_is_refused(wire: Wire, session: str, messages: list[int]) -> None:
    with pytest.raises(InvalidParams) as caught:
        save(wire, session, messages[1], messages[0])
    assert caught.value.data["path"] == "$.messages_end"
    assert wire.call("summary.latest", session_id=session) is None


@pytest.mark.parametrize("end", ["messages_start", "messages_end"])
def test_a_message_of_another_session_is_refused_at_either_end(
    wire: Wire, session: str, messages: list[int], end: str
) -> None:
    other = wire.call("session.create")["id"]
    foreign = wire.call("message.append", session_id=other, role="user", content="x")["message_id"]
    range = {"messages_start": messages[0], "messages_end": messages[4], end: foreign}
    with pytest.raises(InvalidParams) as caught:
        wire.call("summary.save", session_id=session, summary="s", token_count=1, **range)
    assert caught.value.data["path"] == f"$.{end}"
    assert wire.call("summary.latest", session_id=session) is None


@pytest.mark.parametrize("end", ["messages_start", "messages_end"])
def test_a_message_that_is_not_there_is_not_found_at_either_end(
    wire: Wire, session: str, messages: list[int], end: str
) -> None:
    wire.call("message.delete_before", session_id=session, before_id=messages[1])
    for missing in (messages[0], messages[-1] + 1):
        range = {"messages_start": messages[1], "messages_end": messages[4], end: missing}
        with pytest.raises(NotFound) as caught:
            wire.call("summary.save", session_id=session, summary="s", token_count=1, **range)
        assert caught.value.data == {"what": "message", "id": missing}


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"token_count": -1}, "$.token_count"),
        ({"token_count": None}, "$.token_count"),
        ({"summary": None}, "$.summary"),
        ({"messages_start": "1"}, "$.messages_start"),
        ({"messages_end": 2**63}, "$.messages_end"),
    ],
)
def test_a_wrong_parameter_is_named(
    wire: Wire, session: str, messages: list[int], params: dict[str, Any], path: str
) -> None:
    right = {"summary": "s", "messages_start": messages[0], "messages_end": messages[0], "token_count": 1}
    with pytest.raises(InvalidParams) as caught:
        wire.call("summary.save", session_id=session, **{**right, **params})
    assert caught.value.data["path"] == path


def test_an_unknown_session_is_not_found(wire: Wire) -> None:
    range = {"summary": "s", "messages_start": 1, "messages_end": 1, "token_count": 1}
    for method, params in (("summary.save", range), ("summary.latest", {})):
        with pytest.raises(NotFound) as caught:
            wire.call(method, session_id="nope", **params)
        assert caught.value.data == {"what": "session", "id": "nope"}


def test_a_summary_stays_when_its_messages_are_deleted_and_goes_with_its_session(
    wire: Wire, session: str, messages: list[int]
) -> None:
    made = save(wire, session, messages[0], messages[4])
    wire.call("message.delete_before", session_id=session, before_id=messages[4] + 1)
    assert wire.call("summary.latest", session_id=session) == made
    wire.call("session.delete", session_id=session)
    wire.call("session.create", id=session)
    assert wire.call("summary.latest", session_id=session) is None
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


class TestWithASmallBound:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(content_bytes=10))

    def test_a_summary_one_byte_over_it_is_too_large(self, wire: Wire, session: str, messages: list[int]) -> None:
        with pytest.raises(TooLarge) as caught:
            save(wire, session, messages[0], messages[0], "é" * 5 + "x")
        assert caught.value.data == {"limit": 10}
        assert wire.call("summary.latest", session_id=session) is None
        assert save(wire, session, messages[0], messages[0], "é" * 5)["summary"] == "é" * 5
