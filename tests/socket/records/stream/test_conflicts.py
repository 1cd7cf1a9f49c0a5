"""A streaming message is refused, limited, begun again with its key, and changed by other clients."""

from typing import Any

import pytest

from segue.errors import InvalidParams, NotFound, Overloaded, TooLarge
from segue.server.jobs import streams
from tests.socket.records.stream.calls import LIMIT, add, begin, get, hits, pieces, refused, state
from tests.support.deadline import wait_until
from tests.support.disconnect import part
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_a_delta_of_another_message_is_refused(server: Server, wire: Wire, session: str) -> None:
    other = server.connect()
    id = begin(other)
    for method, more in (("message.delta", {"text": "x"}), ("message.finish", {})):
        assert refused(wire, method, message_id=id, **more) == {"reason": "owner"}
        with pytest.raises(NotFound):
            wire.call(method, message_id=99, **more)
    other.call("message.finish", message_id=id, content="done")
    for method, more in (("message.delta", {"text": "x"}), ("message.finish", {})):
        data = refused(other, method, message_id=id, **more)
        assert data == {"reason": "state", "state": "complete"}
    with pytest.raises(InvalidParams):
        wire.call("message.delta", message_id=id)


def test_the_sum_of_the_deltas_is_limited(wire: Wire, session: str) -> None:
    id = begin(wire, "x")
    add(wire, id, "é" * (LIMIT // 2 - 1))
    with pytest.raises(TooLarge) as caught:
        wire.call("message.delta", message_id=id, text="ab")
    assert caught.value.data["limit"] == LIMIT
    with pytest.raises(TooLarge):  # A smaller text after it would leave a hole.
        wire.call("message.delta", message_id=id, text="a")
    with pytest.raises(TooLarge):
        wire.call("message.finish", message_id=id, content="y" * (LIMIT + 1))
    assert len(get(wire, id)["content"].encode()) == LIMIT - 1
    assert wire.call("message.finish", message_id=id)["state"] == "complete"


def test_a_connection_streams_a_limited_number_of_messages(
    wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 2)
    begin(wire)
    id = begin(wire)
    with pytest.raises(Overloaded):
        begin(wire)
    wire.call("message.finish", message_id=id)
    begin(wire)


def test_a_repeated_key_begins_the_same_message_again(server: Server, wire: Wire, session: str) -> None:
    id = begin(wire, key="k")
    again = server.connect()
    retried = again.call("message.begin", session_id="s", role="assistant", content="", key="k")
    assert (retried["message_id"], retried["duplicate"]) == (id, True)
    assert refused(wire, "message.delta", message_id=id, text="x")["reason"] == "owner"
    add(again, id, "text")
    part(wire, again)
    assert state(again, id) == ("streaming", "text")
    part(again, last := server.connect())
    assert state(last, id) == ("interrupted", "text")
    assert begin(last, "text", key="k") == id
    assert state(last, id) == ("streaming", "text")
    assert hits(last, "text") == []
    add(last, id, " more")
    assert last.call("message.finish", message_id=id)["content"] == "text more"
    assert begin(last, "text more", key="k") == id
    assert refused(last, "message.delta", message_id=id, text="x")["reason"] == "state"
    assert last.call("message.count", session_id="s") == {"count": 1}
    assert last.call("daemon.check", full=True)["ok"]


def test_a_key_in_use_is_a_conflict_kept_or_replaced(server: Server, wire: Wire, session: str) -> None:
    id = begin(wire, key="k")
    add(wire, id, "partial")
    assert refused(wire, "message.begin", session_id="s", role="assistant", content="", key="k")["reason"] == "key"
    assert begin(wire, key="k", on_key="keep") == id
    assert state(wire, id) == ("streaming", "partial")
    assert begin(wire, "new", key="k", on_key="replace") == id
    assert state(wire, id) == ("streaming", "new")
    whole = server.connect().call(
        "message.append", session_id="s", role="assistant", content="whole", key="k", on_key="replace"
    )
    assert whole["replaced"]
    assert state(wire, id) == ("complete", "whole")
    assert refused(wire, "message.delta", message_id=id, text="x")["reason"] == "state"
    assert hits(wire, "whole") == [id]


def test_an_append_with_the_key_completes_an_interrupted_message(server: Server, wire: Wire, session: str) -> None:
    id = begin(wire, key="k")
    add(wire, id, "all of it")
    part(wire, other := server.connect())
    whole = {"session_id": "s", "role": "assistant", "content": "all of it", "key": "k"}
    assert refused(other, "message.append", **whole)["reason"] == "key"
    assert other.call("message.append", **whole, on_key="replace", response_ms=5)["message_id"] == id
    message = get(other, id)
    assert (message["state"], message["content"], message["response_ms"]) == ("complete", "all of it", 5)
    assert other.call("message.append", **whole)["duplicate"]


def test_other_clients_change_and_delete_a_streaming_message(server: Server, wire: Wire, session: str) -> None:
    other = server.connect()
    id = begin(wire, "one")
    add(wire, id, " two")
    assert wire.call("daemon.ping") == "pong"  # The text is with the daemon.
    assert refused(other, "message.update", message_id=id, content="x")["reason"] == "state"
    changed = other.call("message.update", message_id=id, metadata={"a": 1})
    assert (changed["state"], changed["content"]) == ("streaming", "one two")
    add(wire, id, " three")
    assert state(wire, id) == ("streaming", "one two three")
    removed = other.call("message.replace", session_id="s", last=1, return_removed=True)["removed_messages"]
    assert [message["content"] for message in removed] == ["one two three"]
    for method in ("message.delete", "message.delete_before", "session.delete"):
        id = begin(wire, "again")
        add(wire, id, " and again")
        more: dict[str, Any] = {
            "message.delete": {"message_ids": [id]},
            "message.delete_before": {"before_id": id + 1},
        }
        other.call(method, session_id="s", **more.get(method, {}))
        with pytest.raises(NotFound):
            wire.call("message.delta", message_id=id, text="x")
        with pytest.raises(NotFound):
            wire.call("message.finish", message_id=id)
    wait_until(lambda: pieces(server) == 0)
    assert wire.call("daemon.check", full=True)["ok"]
