"""The front of a session is deleted: all messages before an id."""

import pytest

from segue.errors import NotFound
from tests.socket.records.message.calls import append, contents
from tests.support.clock import SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_messages_before_an_id_are_deleted_and_counted(server: Server, wire: Wire, session: str) -> None:
    made = [append(wire, session, f"{index}", key=f"k{index}", input_tokens=1)["message_id"] for index in range(4)]
    server.clock.pass_time(SECOND)
    assert wire.call("message.delete_before", session_id=session, before_id=made[2]) == {"deleted": 2}
    assert wire.call("message.delete_before", session_id=session, before_id=made[2]) == {"deleted": 0}
    assert contents(wire.call("message.list", session_id=session)) == ["2", "3"]
    found = wire.call("session.get", session_id=session)
    assert (found["message_count"], found["input_tokens"]) == (2, 4), "what was used stays used"
    assert found["updated_at"] == server.clock.at
    assert append(wire, session, "0", key="k0")["duplicate"] is False
    with pytest.raises(NotFound):
        wire.call("message.delete_before", session_id="unknown", before_id=1)


def test_the_front_of_a_long_session_is_gone_immediately(server: Server, wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": f"{index}"} for index in range(1000)]
    made = wire.call("message.append_many", session_id=session, messages=messages)["message_ids"]
    assert wire.call("message.delete_before", session_id=session, before_id=made[-1]) == {"deleted": 999}
    assert contents(wire.call("message.list", session_id=session)) == ["999"]
    assert contents(wire.call("message.list")) == ["999"]
    assert wire.call("session.list")["sessions"][0]["preview"] == "999"
    assert wire.call("message.delete_before", session_id=session, before_id=made[-1]) == {"deleted": 0}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_ids_grow_even_after_the_newest_was_deleted(wire: Wire, session: str) -> None:
    last = append(wire, session)["message_id"]
    wire.call("message.delete_before", session_id=session, before_id=last + 1)
    assert append(wire, session)["message_id"] > last


def test_what_is_appended_while_a_long_front_is_purged_stays(server: Server, wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": "old"}] * 1000
    for _ in range(3):
        wire.call("message.append_many", session_id=session, messages=messages)
    wire.post("message.delete_before", session_id=session, before_id=2**63 - 1)
    wire.post("message.append", session_id=session, role="user", content="new")
    assert [wire.answer()["result"].get("deleted") for _ in range(2)] == [3000, None]
    assert contents(wire.call("message.list", session_id=session)) == ["new"]
    server.restart()
    wire = server.connect()
    assert contents(wire.call("message.list", session_id=session)) == ["new"]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
