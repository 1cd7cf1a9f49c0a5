"""The kinds of events and their data, and the filters of subscriptions."""

from typing import Any

import msgspec
import pytest

from segue.errors import InvalidParams
from tests.socket.server.events.conftest import HERE, append
from tests.support.clock import DAY, HOUR
from tests.support.inprocess import Server
from tests.support.wire import Wire


def told(wire: Wire) -> list[tuple[str, Any]]:
    """Return kind and data of the events so far; a new session marks the end."""
    wire.call("bot.create", bot_id="marker")
    wire.call("bot.delete", bot_id="marker")
    found: list[tuple[str, Any]] = []
    while (event := wire.event())["data"].get("id") != "marker":
        found.append((event["kind"], event["data"]))
    assert wire.event()["data"] == {"bot_id": "marker"}
    return found


def test_the_response_to_subscribe_precedes_its_events(wire: Wire, session: str) -> None:
    cursor = wire.call("events.subscribe")["cursor"]
    append(wire, session)
    assert wire.event()["kind"] == "message.appended"
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "events.subscribe", "params": {"cursor": cursor}},
        {"jsonrpc": "2.0", "id": 2, "method": "daemon.ping"},
    ]
    wire.send(msgspec.json.encode(batch) + b"\n")
    line = msgspec.json.decode(wire.line() or b"")
    assert [answer["id"] for answer in line] == [1, 2]
    event = wire.event()
    assert (event["subscription_id"], event["kind"]) == (line[0]["result"]["subscription_id"], "message.appended")


def test_an_event_has_a_subscription_a_cursor_a_session_and_a_time(server: Server, wire: Wire, session: str) -> None:
    subscribed = wire.call("events.subscribe")
    server.clock.pass_time(HOUR)
    message_id = append(wire, session)["message_id"]
    event = wire.event()
    assert event == {
        "subscription_id": subscribed["subscription_id"],
        "cursor": event["cursor"],
        "kind": "message.appended",
        "session_id": session,
        "at": server.clock.at,
        "data": wire.call("message.get", message_id=message_id),
    }
    assert event["cursor"] != subscribed["cursor"]


def test_each_change_of_a_session_gives_an_event(wire: Wire, follower: Wire) -> None:
    made = wire.call("session.create", working_dir=HERE, metadata={"a": [1]}, system_prompt="p")
    changed = wire.call("session.update", session_id=made["id"], name="n", working_dir="/srv/there")
    touched = wire.call("session.touch", session_id=made["id"])
    ended = wire.call("session.end", session_id=made["id"])
    resumed = wire.call("session.resume", session_id=made["id"], working_dir=HERE)
    assert told(follower) == [
        ("session.created", made),
        ("session.updated", changed),
        ("session.updated", touched),
        ("session.ended", ended),
        ("session.updated", resumed),
    ]


def test_the_event_of_a_message_has_every_stored_member(wire: Wire, session: str, follower: Wire) -> None:
    given = {
        "parts": [{"type": "image", "n": 1.5}], "token_count": 1, "input_tokens": 2, "output_tokens": 3, "model": "m",
        "stop_reason": "s", "response_ms": 4, "is_summary": True, "key": "k", "metadata": {"a": None},
    }  # fmt: skip
    message_id = append(wire, session, "\0 ünïcode 😀", "system", **given)["message_id"]
    assert told(follower) == [("message.appended", wire.call("message.get", message_id=message_id))]


def test_the_first_user_message_gives_an_append_and_a_name_event(wire: Wire, follower: Wire) -> None:
    appended = wire.call("message.append", working_dir=HERE, role="user", content="hello")
    session = wire.call("session.get", session_id=appended["session_id"])
    message = wire.call("message.get", message_id=appended["message_id"])
    events = told(follower)
    assert [kind for kind, _ in events] == ["session.created", "message.appended", "session.updated"]
    assert events[1:] == [("message.appended", message), ("session.updated", session)]
    append(wire, session["id"], "more", "user")
    assert [kind for kind, _ in told(follower)] == ["message.appended"]


def test_an_append_to_a_crashed_session_gives_an_active_event(wire: Wire, follower: Wire) -> None:
    session = wire.call("session.create", working_dir=HERE)["id"]
    wire.call("session.end", session_id=session, status="crashed")
    append(wire, session)
    wire.call("session.end", session_id=session, status="crashed")
    continued = wire.call("session.resolve", working_dir=HERE)["session"]
    events = told(follower)
    assert [kind for kind, _ in events] == [
        "session.created", "session.ended", "message.appended", "session.updated", "session.ended", "session.updated",
    ]  # fmt: skip
    assert [data["status"] for kind, data in events if kind.startswith("session")] == [
        "active", "crashed", "active", "crashed", "active",
    ]  # fmt: skip
    assert events[-1][1] == continued


def test_a_call_without_effect_gives_no_event(wire: Wire, follower: Wire) -> None:
    session = wire.call("session.create", working_dir=HERE)["id"]
    append(wire, session, key="k")
    assert append(wire, session, key="k")["duplicate"]
    wire.call("session.update", session_id=session)
    wire.call("session.resolve", working_dir=HERE)
    wire.call("session.attach", session_id=session)
    wire.call("session.detach", session_id=session)
    wire.call("session.delete", session_id="none")
    wire.call("memory.delete", memory_id=1)
    wire.call("message.delete_before", session_id=session, before_id=1)
    for params in ({"session_id": "none"}, {"session_id": session, "expected_last_id": 99}):
        assert "error" in wire.respond("message.append", {"role": "user", "content": "x", **params})
    assert [kind for kind, _ in told(follower)] == ["session.created", "message.appended"]


def test_append_many_gives_one_event_per_stored_message(wire: Wire, session: str, follower: Wire) -> None:
    one = {"role": "assistant", "content": "1"}
    ids = wire.call("message.append_many", session_id=session, messages=[one, one, one])["message_ids"]
    keyed = [{**one, "key": "a"}, {**one, "content": "other", "key": "a"}]
    assert "error" in wire.respond("message.append_many", {"session_id": session, "messages": keyed})
    assert [(kind, data["id"]) for kind, data in told(follower)] == [("message.appended", id) for id in ids]


def test_the_event_of_deleted_messages_has_the_bound_and_the_count(wire: Wire, session: str, follower: Wire) -> None:
    last = [append(wire, session)["message_id"] for _ in range(3)][-1]
    wire.call("message.delete_before", session_id=session, before_id=last)
    assert told(follower)[3:] == [("messages.deleted", {"before_id": last, "deleted": 2})]


def test_saved_summaries_and_memories_give_events(wire: Wire, session: str, follower: Wire) -> None:
    id = append(wire, session)["message_id"]
    summary = wire.call(
        "summary.save", session_id=session, summary="s", messages_start=id, messages_end=id, token_count=1
    )
    memory = wire.call("memory.save", fact="f", category="fact", importance=1, session_id=session)
    newer = wire.call("memory.save", fact="g", category="fact", importance=1, supersedes=memory["id"])
    wire.call("memory.delete", memory_id=memory["id"])
    assert told(follower)[1:] == [
        ("summary.saved", summary),
        ("memory.saved", memory),
        ("memory.saved", newer),
        ("memory.saved", {**memory, "superseded_by": newer["id"]}),
        ("memory.deleted", {"memory_id": memory["id"]}),
    ]


def test_memories_of_an_extraction_give_events(wire: Wire, session: str, follower: Wire) -> None:
    entry = wire.call("extraction.enqueue", session_id=session)
    drafts = [{"fact": fact, "category": "fact", "importance": 2} for fact in "ab"]
    saved = wire.call("extraction.complete", extraction_id=entry["id"], memories=drafts)["memories"]
    assert told(follower) == [("memory.saved", memory) for memory in saved]


def test_each_deleted_memory_of_a_bot_gives_an_event(wire: Wire, follower: Wire) -> None:
    ids = [wire.call("memory.save", fact=fact, category="fact", importance=1)["id"] for fact in "ab"]
    wire.call("memory.delete_all", bot_id="default")
    assert told(follower)[2:] == [("memory.deleted", {"memory_id": id}) for id in ids]


def test_a_fork_gives_one_event_with_the_whole_session(wire: Wire, session: str, follower: Wire) -> None:
    append(wire, session)
    fork = wire.call("session.fork", session_id=session)
    assert fork["message_count"] == 1
    assert told(follower)[1:] == [("session.created", fork)]


def test_a_deleted_bot_gives_an_event_for_each_memory_and_session_and_for_itself(wire: Wire, follower: Wire) -> None:
    wire.call("bot.create", bot_id="b")
    sessions = [wire.call("session.create", bot_id="b", working_dir=HERE)["id"] for _ in range(3)]
    id = append(wire, sessions[0])["message_id"]
    wire.call("summary.save", session_id=sessions[0], summary="s", messages_start=id, messages_end=id, token_count=1)
    memory = wire.call("memory.save", fact="f", category="fact", importance=1, bot_id="b")
    assert len(told(follower)) == 7
    wire.call("session.delete", session_id=sessions[0])
    wire.call("bot.delete", bot_id="b")
    assert told(follower) == [
        ("session.deleted", {"session_id": sessions[0]}),
        ("memory.deleted", {"memory_id": memory["id"]}),
        ("session.deleted", {"session_id": sessions[1]}),
        ("session.deleted", {"session_id": sessions[2]}),
        ("bot.deleted", {"bot_id": "b"}),
    ]


def test_each_session_that_cleanup_deletes_gives_an_event(server: Server, wire: Wire, follower: Wire) -> None:
    sessions = [wire.call("session.create")["id"] for _ in range(2)]
    server.clock.pass_time(31 * DAY)
    wire.call("session.cleanup", dry_run=True)
    assert len(told(follower)) == 2
    wire.call("session.cleanup")
    assert told(follower) == [("session.deleted", {"session_id": id}) for id in sessions]


def test_a_lost_client_gives_an_ended_event_of_its_session(server: Server, wire: Wire, follower: Wire) -> None:
    session = wire.call("session.create")["id"]
    vanishing = server.connect()
    vanishing.call("session.attach", session_id=session)
    vanishing.close()
    assert follower.event()["kind"] == "session.created"
    ended = follower.event()
    assert (ended["kind"], ended["data"]) == ("session.ended", wire.call("session.get", session_id=session))
    assert ended["data"]["status"] == "crashed"


def test_a_write_gives_an_event_after_its_client_disconnected(
    server: Server, wire: Wire, session: str, follower: Wire
) -> None:
    caller = server.connect()
    caller.post("message.append", session_id=session, role="assistant", content="last words")
    caller.close()
    assert follower.event()["data"]["content"] == "last words"


def test_a_subscription_receives_what_all_its_filters_accept(server: Server, wire: Wire) -> None:
    wire.call("bot.create", bot_id="b")
    one = wire.call("session.create", working_dir=HERE)["id"]
    filters: dict[str, dict[str, Any]] = {
        "session": {"session_id": one},
        "directory": {"working_dir": "/srv//./here/"},
        "bot": {"bot_id": "b"},
        "kinds": {"kinds": ["session.deleted", "memory.saved"]},
        "both": {"bot_id": "b", "working_dir": HERE},
        "none": {"kinds": []},
    }
    follower = server.connect()
    names = {follower.call("events.subscribe", **params)["subscription_id"]: name for name, params in filters.items()}
    wire.call("session.touch", session_id=one)
    other = wire.call("session.create", working_dir=HERE, bot_id="b")["id"]
    wire.call("session.create", bot_id="b")
    wire.call("memory.save", fact="f", category="fact", importance=1, session_id=one, bot_id="b")
    wire.call("session.delete", session_id=other)
    wire.call("session.delete", session_id=one)
    found: dict[str, list[str]] = {name: [] for name in filters}
    for event in [follower.event() for _ in range(18)]:
        found[names[event["subscription_id"]]].append(event["kind"])
    follower.call("daemon.ping")
    assert not follower.events
    assert found == {
        "session": ["session.updated", "memory.saved", "session.deleted"],
        "directory": ["session.updated", "session.created", "memory.saved", "session.deleted", "session.deleted"],
        "bot": ["session.created", "session.created", "memory.saved", "session.deleted"],
        "kinds": ["memory.saved", "session.deleted", "session.deleted"],
        "both": ["session.created", "memory.saved", "session.deleted"],
        "none": [],
    }


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"kinds": ["message.appended", "nonsense"]}, "$.kinds[1]"),
        ({"kinds": ["reset"]}, "$.kinds[0]"),
        ({"working_dir": "relative"}, "$.working_dir"),
        ({"session_id": ""}, "$.session_id"),
        ({"cursor": 1}, "$.cursor"),
        ({"since": 1}, "$.since"),
    ],
)
def test_an_invalid_filter_is_refused(wire: Wire, params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        wire.call("events.subscribe", **params)
    assert refused.value.data["path"] == path
