"""A message is streamed: begun, grown by deltas, and finished or interrupted."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.config import Config, DaemonConfig, Limits, PrivacyConfig
from segue.errors import Conflict, InvalidParams, NotFound, Overloaded, TooLarge
from segue.server.jobs import streams
from tests.support.deadline import wait_until
from tests.support.disconnect import part
from tests.support.inprocess import Server
from tests.support.secrets import SECRETS
from tests.support.wire import Wire

LIMIT = 4096
GITHUB = SECRETS["github"][0]


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(content_bytes=LIMIT), daemon=DaemonConfig(durability="normal"))


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", id="s", working_dir="/here")["id"]
    return found


def begin(wire: Wire, content: Any = "", role: str = "assistant", session: str = "s", **more: Any) -> int:
    found: int = wire.call("message.begin", session_id=session, role=role, content=content, **more)["message_id"]
    return found


def add(wire: Wire, id: int, *texts: str) -> None:
    """Send each text as a notification."""
    for text in texts:
        line = {"jsonrpc": "2.0", "method": "message.delta", "params": {"message_id": id, "text": text}}
        wire.send(json.dumps(line).encode() + b"\n")


def get(wire: Wire, id: int) -> Any:
    return wire.call("message.get", message_id=id)


def state(wire: Wire, id: int) -> tuple[str, str]:
    message = get(wire, id)
    return message["state"], message["content"]


def hits(wire: Wire, query: str) -> list[int]:
    return [hit["message_id"] for hit in wire.call("message.search", query=query)["hits"]]


def stored(server: Server, id: int) -> str:
    """Return the text of a message in the file, without what the daemon has in memory only."""
    with closing(sqlite3.connect(server.database)) as connection:
        pieces = connection.execute("SELECT text FROM message_pieces WHERE message_id = ? ORDER BY number", [id])
        [(content,)] = connection.execute("SELECT content FROM messages WHERE id = ?", [id])
        return str(content) + "".join(text for (text,) in pieces)


def test_a_message_grows_by_deltas_and_is_complete_when_finished(server: Server, wire: Wire, session: str) -> None:
    reader = server.connect()
    reader.call("events.subscribe")
    id = begin(wire, "Hel", key="k", model="m")
    assert reader.event()["data"]["state"] == "streaming"
    add(wire, id, "lo ", "wörld")
    assert wire.call("message.delta", message_id=id, text="!") == {}
    events = [reader.event() for _ in range(3)]
    assert [event["kind"] for event in events] == ["message.delta"] * 3
    assert [event["session_id"] for event in events] == ["s"] * 3
    assert [event["data"] for event in events] == [
        {"message_id": id, "offset": 3, "text": "lo "},
        {"message_id": id, "offset": 6, "text": "wörld"},
        {"message_id": id, "offset": 11, "text": "!"},
    ]
    assert state(reader, id) == ("streaming", "Hello wörld!")
    finished = wire.call("message.finish", message_id=id, stop_reason="end", output_tokens=4, response_ms=9)
    assert (finished["state"], finished["content"], finished["model"]) == ("complete", "Hello wörld!", "m")
    assert (finished["stop_reason"], finished["output_tokens"], finished["response_ms"]) == ("end", 4, 9)
    updated = reader.event()
    assert (updated["kind"], updated["data"]) == ("message.updated", finished)
    assert get(reader, id) == finished
    assert wire.call("session.get", session_id="s")["output_tokens"] == 4
    assert wire.call("message.list", session_id="s")["total"] == 1


def test_given_content_replaces_what_was_streamed(wire: Wire, session: str) -> None:
    id = begin(wire)
    add(wire, id, "draft zebra")
    parts = [{"type": "text", "text": "final lion"}]
    finished = wire.call("message.finish", message_id=id, content=parts, metadata={"a": 1})
    assert (finished["content"], finished["parts"], finished["metadata"]) == ("final lion", parts, {"a": 1})
    assert (hits(wire, "zebra"), hits(wire, "lion")) == ([], [id])
    id = begin(wire)
    add(wire, id, "gone")
    assert wire.call("message.finish", message_id=id, content="")["content"] == ""


def test_null_counts_as_left_out_at_the_end(wire: Wire, session: str) -> None:
    id = begin(wire, None, model="m")
    add(wire, id, "text")
    finished = wire.call("message.finish", message_id=id, content=None, parts=None, model=None, metadata=None)
    assert (finished["content"], finished["model"]) == ("text", "m")


def test_text_is_stored_without_a_reader(server: Server, wire: Wire, session: str) -> None:
    id = begin(wire, "a")
    add(wire, id, "b", "c")
    wait_until(lambda: stored(server, id) == "abc")
    add(wire, id, "d")
    wait_until(lambda: stored(server, id) == "abcd")
    assert wire.call("message.finish", message_id=id)["content"] == "abcd"
    assert stored(server, id) == "abcd"


def test_new_text_is_a_row_of_its_own_until_the_message_ends(server: Server, wire: Wire, session: str) -> None:
    """So a delta of a message of megabytes does not write them again."""

    def content() -> str:
        with closing(sqlite3.connect(server.database)) as connection:
            [(found,)] = connection.execute("SELECT content FROM messages WHERE id = ?", [id])
            return str(found)

    id = begin(wire, "a" * 3000)
    for number in range(1, 4):
        add(wire, id, "b")
        assert get(wire, id)["content"] == "a" * 3000 + "b" * number
        assert (content(), pieces(server)) == ("a" * 3000, number)
    wire.call("message.finish", message_id=id)
    assert (content(), pieces(server)) == ("a" * 3000 + "bbb", 0)


def test_a_closed_connection_leaves_its_messages_interrupted(server: Server, wire: Wire, session: str) -> None:
    other = server.connect()
    other.call("events.subscribe", kinds=["message.updated"])
    first, second = begin(wire, "one"), begin(wire)
    add(wire, first, " more")
    part(wire, other)
    updated = [other.event()["data"] for _ in range(2)]
    assert [(message["id"], message["state"]) for message in updated] == [
        (first, "interrupted"),
        (second, "interrupted"),
    ]
    assert state(other, first) == ("interrupted", "one more")
    assert hits(other, "more") == [first]


def test_a_daemon_that_exits_leaves_its_messages_interrupted(server: Server, wire: Wire, session: str) -> None:
    id = begin(wire, "one")
    add(wire, id, " two")
    get(wire, id)
    server.restart()
    assert state(server.connect(), id) == ("interrupted", "one two")


def test_a_search_finds_a_message_when_it_has_ended(server: Server, wire: Wire, session: str) -> None:
    id = begin(wire, "zebra")
    add(wire, id, " crossing")
    assert get(wire, id)["content"] == "zebra crossing"
    for match in ("words", "any", "substring", "regex"):
        assert wire.call("message.search", query="zebra", match=match)["hits"] == []
    assert wire.call("daemon.check", full=True)["ok"]
    wire.call("message.finish", message_id=id)
    for match in ("words", "any", "substring", "regex"):
        assert [hit["message_id"] for hit in wire.call("message.search", query="crossing", match=match)["hits"]] == [id]
    wire.call("message.delete", session_id="s", message_ids=[id])
    assert hits(wire, "zebra") == []
    assert wire.call("daemon.check", full=True)["ok"]


def refused(wire: Wire, method: str, **params: Any) -> dict[str, Any]:
    with pytest.raises(Conflict) as caught:
        wire.call(method, **params)
    return caught.value.data


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


def pieces(server: Server) -> int:
    with closing(sqlite3.connect(server.database)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM message_pieces")
        return int(count)


def test_copies_exports_and_contexts_have_a_streaming_message_as_it_is(wire: Wire, session: str) -> None:
    wire.call("message.append", session_id="s", role="user", content="question")
    id = begin(wire, "one")
    add(wire, id, " two")
    fork = wire.call("session.fork", session_id="s")["id"]
    copies = wire.call("message.list", session_id=fork)["messages"]
    assert [(copy["state"], copy["content"]) for copy in copies] == [
        ("complete", "question"),
        ("interrupted", "one two"),
    ]
    add(wire, id, " three")
    exported = wire.call("session.export", session_id="s")["messages"]
    assert (exported[1]["state"], exported[1]["content"]) == ("streaming", "one two three")
    built = wire.call("context.build", session_id="s")["messages"]
    assert [message["content"] for message in built] == ["question"]
    wire.call("message.finish", message_id=id)
    built = wire.call("context.build", session_id="s")["messages"]
    assert [message["content"] for message in built] == ["question", "one two three"]
    assert state(wire, copies[1]["id"]) == ("interrupted", "one two")


def test_a_streamed_message_of_the_user_names_its_session(wire: Wire, session: str) -> None:
    id = begin(wire, role="user")
    assert wire.call("session.get", session_id="s")["name"] is None
    add(wire, id, "What is", " EAGAIN?")
    wire.call("message.finish", message_id=id)
    assert wire.call("session.get", session_id="s")["name"].startswith("What is EAGAIN? - ")


def test_a_message_begins_in_the_session_that_a_directory_continues(wire: Wire, session: str) -> None:
    begun = wire.call("message.begin", working_dir="/here", role="model", content="")
    assert (begun["session_id"], begun["resumed"]) == ("s", True)
    assert get(wire, begun["message_id"])["role"] == "assistant"
    created = wire.call("message.begin", session_id="t", role="user", create={"name": "made"})
    assert created["session_id"] == "t"
    with pytest.raises(InvalidParams):
        wire.call("message.begin", role="user", content="x")


def test_deltas_are_sent_to_the_subscriptions_that_match_and_not_kept(server: Server, wire: Wire, session: str) -> None:
    moved, elsewhere, late = server.connect(), server.connect(), server.connect()
    cursor = moved.call("events.subscribe", working_dir="/there", kinds=["message.delta"])["cursor"]
    elsewhere.call("events.subscribe", session_id="other")
    id = begin(wire)
    add(wire, id, "unseen")
    wire.call("session.update", session_id="s", working_dir="/there")
    add(wire, id, "seen")
    assert moved.event()["data"] == {"message_id": id, "offset": 6, "text": "seen"}
    wire.call("message.finish", message_id=id)
    late.call("events.subscribe", cursor=cursor)
    kinds = [late.event()["kind"] for _ in range(3)]
    assert kinds == ["message.appended", "session.updated", "message.updated"]
    wire.call("session.create", id="other")
    assert elsewhere.event()["kind"] == "session.created"


class TestRedaction:
    """With `privacy.redact`, no part of a secret is stored or sent."""

    @pytest.fixture
    def config(self) -> Config:
        return Config(privacy=PrivacyConfig(redact=True), daemon=DaemonConfig(durability="normal"))

    @pytest.mark.parametrize("end", ["finish", "close"])
    def test_a_secret_cut_in_pieces_is_redacted(self, server: Server, wire: Wire, session: str, end: str) -> None:
        reader = server.connect()
        reader.call("events.subscribe", kinds=["message.delta", "message.updated"])
        id = begin(wire, f"the number {GITHUB[:7]}")
        sent = state(reader, id)[1]
        assert sent == "the number "
        add(wire, id, *GITHUB[7:], ". Then ")
        assert GITHUB[:8] not in state(wire, id)[1]
        add(wire, id, "other words that are long enough to release it")
        assert GITHUB[:8] not in state(wire, id)[1]
        wire.call("message.finish", message_id=id) if end == "finish" else part(wire, reader)
        text = "the number [redacted:github]. Then other words that are long enough to release it"
        while (event := reader.event())["kind"] == "message.delta":
            assert event["data"]["offset"] == len(sent)
            sent += event["data"]["text"]
        assert event["data"]["content"] == text
        assert sent == text
        assert reader.call("daemon.status")["privacy"]["redacted"] == {"github": 1}
