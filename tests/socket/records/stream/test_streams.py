"""A message is streamed: begun, grown by deltas, and finished or interrupted."""

import sqlite3
from contextlib import closing

import pytest

from segue.config import Config, DaemonConfig, PrivacyConfig
from segue.errors import InvalidParams
from tests.socket.records.stream.calls import add, begin, get, hits, pieces, state
from tests.support.deadline import wait_until
from tests.support.disconnect import part
from tests.support.inprocess import Server
from tests.support.secrets import SECRETS
from tests.support.wire import Wire

GITHUB = SECRETS["github"][0]


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
