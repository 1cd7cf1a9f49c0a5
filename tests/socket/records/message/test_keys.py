"""A message with a key can be sent again, and the same key with another message is a conflict."""

from typing import Any

import pytest

from segue.errors import Conflict
from tests.socket.records.conftest import HERE
from tests.socket.records.message.calls import append
from tests.support.clock import HOUR, MINUTE
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_the_same_key_gives_the_first_result_again(server: Server, wire: Wire, session: str) -> None:
    first = append(wire, session, "once", key="k", parts=[{"a": 1, "b": 2}])
    before = wire.call("session.get", session_id=session)
    server.clock.pass_time(MINUTE)
    again = append(wire, session, "once", key="k", parts=[{"b": 2, "a": 1}], expected_last_id=99)
    assert again == {**first, "duplicate": True}
    assert wire.call("session.get", session_id=session) == before


def test_the_same_key_again_in_a_session_that_was_made_before_is_answered_as_the_first_time(
    server: Server, wire: Wire, session: str
) -> None:
    server.clock.pass_time(MINUTE)
    first = append(wire, session, "once", key="k")
    assert append(wire, session, "once", key="k") == {**first, "duplicate": True}


@pytest.mark.parametrize("other", [{"content": "two"}, {"role": "tool"}, {"parts": []}])
def test_the_same_key_with_another_message_is_a_conflict(wire: Wire, session: str, other: dict[str, Any]) -> None:
    append(wire, session, "one", key="k")
    with pytest.raises(Conflict) as caught:
        wire.call("message.append", **{"session_id": session, "role": "user", "content": "one", "key": "k", **other})
    assert caught.value.data == {"reason": "key"}
    assert wire.call("message.count", session_id=session) == {"count": 1}


def test_a_key_belongs_to_its_session(wire: Wire, session: str) -> None:
    other = wire.call("session.create")["id"]
    append(wire, session, "one", key="k")
    assert append(wire, other, "two", key="k")["duplicate"] is False


def test_a_key_given_with_a_directory_is_looked_for_in_all_its_sessions(server: Server, wire: Wire) -> None:
    first = wire.call("message.append", working_dir=HERE, role="user", content="x", key="k")
    server.clock.pass_time(5 * HOUR)
    again = wire.call("message.append", working_dir=HERE, role="user", content="x", key="k")
    assert again == {**first, "duplicate": True}
    assert wire.call("session.list")["total"] == 1
    with pytest.raises(Conflict):
        wire.call("message.append", working_dir=HERE, role="user", content="y", key="k")
    elsewhere = wire.call("message.append", working_dir="/elsewhere", role="user", content="y", key="k")
    assert elsewhere["duplicate"] is False


def test_many_with_keys_can_be_sent_again_whole(wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": f"{index}", "key": f"k{index}"} for index in range(3)]
    first = wire.call("message.append_many", session_id=session, messages=messages, expected_last_id=0)
    again = wire.call("message.append_many", session_id=session, messages=messages, expected_last_id=0)
    assert again == {**first, "duplicates": 3}
    twice = wire.call("message.append_many", session_id=session, messages=[messages[0]] * 2)
    assert twice["message_ids"] == [first["message_ids"][0]] * 2
    assert wire.call("message.append_many", session_id=session, messages=[])["message_ids"] == []


def test_a_retry_returns_whether_the_first_append_resumed(wire: Wire) -> None:
    wire.call("session.resolve", working_dir=HERE)
    first = wire.call("message.append", working_dir=HERE, role="user", content="x", key="k")
    assert first["resumed"] is True
    assert wire.call("message.append", working_dir=HERE, role="user", content="x", key="k") == {
        **first,
        "duplicate": True,
    }


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, 1.0), (0, False), (None, 0)])
def test_parts_that_only_python_takes_for_equal_are_a_conflict(wire: Wire, session: str, one: Any, other: Any) -> None:
    append(wire, session, key="k", parts=[{"a": one}])
    with pytest.raises(Conflict) as caught:
        append(wire, session, key="k", parts=[{"a": other}])
    assert caught.value.data == {"reason": "key"}
