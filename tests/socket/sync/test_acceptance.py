"""What sync promises, each promise in one test, between two daemons and a folder."""

from typing import Any

import pytest

from segue.errors import Conflict
from tests.socket.sync.conftest import Machine, Pair
from tests.support.clock import DAY
from tests.support.deadline import wait_until


def test_two_machines_that_were_offline_have_everything_in_one_order(pair: Pair) -> None:
    shared = pair.desk.wire.call("session.create", name="shared")["id"]
    pair.desk.say(shared, "from the desk")
    pair.sync()
    for number in range(3):
        pair.desk.say(shared, f"desk {number}")
        pair.lap.say(shared, f"lap {number}")
    own = pair.lap.wire.call("session.create", name="of the lap")["id"]
    pair.lap.say(own, "alone")
    newest = pair.desk.wire.call("message.list", session_id=shared)["messages"][-1]["id"]
    pair.sync()
    assert pair.desk.texts(shared) == pair.lap.texts(shared)
    assert sorted(pair.desk.texts(shared)) == sorted(
        ["from the desk", *(f"{name} {number}" for name in ("desk", "lap") for number in range(3))]
    )
    # What one machine said in a row stays in a row.
    rest = pair.desk.texts(shared)[1:]
    assert rest in (
        ["desk 0", "desk 1", "desk 2", "lap 0", "lap 1", "lap 2"],
        ["lap 0", "lap 1", "lap 2", "desk 0", "desk 1", "desk 2"],
    )
    assert pair.desk.texts(own) == ["alone"]
    # A reader that continues after the newest id misses nothing, whatever the conversation's order is.
    arrived = pair.desk.wire.call("message.list", session_id=shared, after_id=newest)["messages"]
    assert [message["content"] for message in arrived] == ["lap 0", "lap 1", "lap 2"]


def test_fields_merge_and_the_last_writer_of_a_field_wins(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="first", working_dir="/srv/x")["id"]
    pair.sync()
    pair.desk.wire.call("session.update", session_id=id, name="by the desk")
    pair.lap.server.clock.pass_time(1000)
    pair.lap.wire.call("session.update", session_id=id, name="by the lap", tags=["x"])
    pair.desk.wire.call("session.update", session_id=id, pinned=True, metadata={"a": 1})
    pair.sync()
    for machine in (pair.desk, pair.lap):
        session = machine.wire.call("session.get", session_id=id)
        assert session["name"] == "by the lap"
        assert session["tags"] == ["x"]
        assert session["pinned"]
        assert session["metadata"] == {"a": 1}


def test_whatever_is_deleted_is_gone_at_the_hub_and_on_the_other_disk(pair: Pair) -> None:
    desk, lap = pair.desk.wire, pair.lap.wire
    id = desk.call("session.create", name="kept")["id"]
    ids = [pair.desk.say(id, f"message{number}zz") for number in range(4)]
    pair.desk.say(id, f"keptzz sk-ant-api03-scrubbedzz{'Ab3dEf7h' * 12}")
    gone = desk.call("session.create", name="goneznamezz")["id"]
    pair.desk.say(gone, "deletedsessionzz")
    desk.call("bot.create", bot_id="ann", name="annznamezz")
    facts = [
        desk.call("memory.save", bot_id=bot, fact=f"{bot}zfactzz", category="fact", importance=3)["id"]
        for bot in ("default", "ann")
    ]
    pair.sync()
    words = [b"message0zz", b"message1zz", b"message2zz", b"deletedsessionzz", b"defaultzfactzz", b"annzfactzz"]
    words.append(b"scrubbedzz")
    names = [b"goneznamezz", b"annznamezz"]
    assert [word for word in (*words, *names) if word not in pair.words_at_hub()] == []
    lap.call("session.delete", session_id=gone)
    desk.call("message.delete_before", session_id=id, before_id=ids[1])
    desk.call("message.delete", session_id=id, message_ids=[ids[1]])
    desk.call("message.update", message_id=ids[2], content="changedzz")
    desk.call("memory.delete", memory_id=facts[0])
    desk.call("bot.delete", bot_id="ann")
    desk.call("daemon.scrub")
    pair.sync()
    pair.sync()
    left = pair.words_at_hub()
    assert [word for word in (*words, *names) if word in left] == []
    assert pair.lap.texts(id)[:2] == ["changedzz", "message3zz"]
    _wait_until_clean(pair.lap)
    for path in pair.lap.server.database.parent.iterdir():
        data = path.read_bytes()
        assert [word for word in words if word in data] == [], path.name


def _wait_until_clean(machine: Machine) -> None:
    """Wait for the worker that removes deleted data from the file."""
    wait_until(lambda: not machine.wire.call("daemon.status")["privacy"]["deleted_remains"])


def test_sessions_with_the_same_id_are_both_there(pair: Pair) -> None:
    for machine, text in ((pair.desk, "of the desk"), (pair.lap, "of the lap")):
        machine.wire.call("session.create", id="same", name=text)
        machine.say("same", text)
        pair.lap.server.clock.pass_time(1)
    pair.sync()
    for machine, other in ((pair.desk, "of the lap"), (pair.lap, "of the desk")):
        [comer] = [id for id in machine.sessions() if id.startswith("same.")]
        assert machine.texts(comer) == [other]
        assert machine.texts("same") != [other]


def test_a_clock_of_a_year_ahead_wins_nothing_later_and_deletes_nothing(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="first")["id"]
    pair.sync()
    pair.lap.server.clock.jump(365 * DAY)
    pair.lap.wire.call("session.update", session_id=id, name="by the wrong clock")
    pair.sync()
    pair.desk.wire.call("session.update", session_id=id, name="afterwards")
    pair.sync()
    assert pair.lap.wire.call("session.get", session_id=id)["name"] == "afterwards"
    with pytest.raises(Conflict, match="clock is wrong"):
        pair.lap.wire.call("session.cleanup")
    assert id in pair.lap.sessions()


def test_retention_spares_what_it_has_not_seen(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="old")["id"]
    pair.desk.say(id, "old text")
    pair.sync()
    pair.lap.say(id, "said offline")
    for machine in (pair.desk, pair.lap):
        machine.server.clock.pass_time(40 * DAY)
    pair.desk.sync()
    pair.desk.wire.call("session.cleanup")
    assert id not in pair.desk.sessions()
    pair.sync()
    pair.sync()
    assert pair.lap.texts(id) == ["said offline"]
    [revived] = [one for one in pair.desk.sessions() if one.startswith(id)]
    assert pair.desk.texts(revived) == ["said offline"]


def test_many_deletions_wait_for_a_person(pair: Pair) -> None:
    ids = [pair.desk.wire.call("session.create")["id"] for _ in range(25)]
    pair.sync()
    for id in ids:
        pair.lap.wire.call("session.delete", session_id=id)
    pair.lap.sync()
    [problem] = pair.desk.sync()["problems"]
    assert "--accept-deletions" in problem
    assert pair.desk.wire.call("sync.status")["waiting_deletions"] == 25
    assert len(pair.desk.sessions()) == 25
    assert pair.desk.sync(accept_deletions=True)["problems"] == []
    assert pair.desk.sessions() == {}


def test_a_machine_that_left_and_joins_again_has_nothing_twice(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="kept")["id"]
    pair.desk.say(id, "text")
    pair.desk.wire.call("memory.save", bot_id="default", fact="a fact", category="fact", importance=3)
    pair.sync()
    pair.lap.wire.call("sync.leave")
    pair.lap.say(id, "said alone")
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation)
    pair.lap.sync()
    pair.desk.sync()
    for machine in (pair.desk, pair.lap):
        assert [*machine.sessions()] == [id]
        assert machine.texts(id) == ["text", "said alone"]
        assert machine.wire.call("memory.list", bot_id="default")["total"] == 1


def test_sessions_with_one_id_are_recognized_by_a_machine_that_joins_again(pair: Pair) -> None:
    for machine, text in ((pair.desk, "of the desk"), (pair.lap, "of the lap")):
        machine.wire.call("session.create", id="same", name=text)
        machine.say("same", text)
    pair.sync()
    pair.lap.wire.call("sync.leave")
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation)
    pair.sync()
    for machine in (pair.desk, pair.lap):
        found = {one["name"]: machine.texts(id) for id, one in machine.sessions().items()}
        assert found == {"of the desk": ["of the desk"], "of the lap": ["of the lap"]}
        assert len(machine.sessions()) == 2


def test_events_of_another_machine_reach_subscribers(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="kept")["id"]
    pair.sync()
    reader = pair.lap.server.connect()
    reader.call("events.subscribe")
    pair.desk.say(id, "hello")
    pair.desk.wire.call("session.update", session_id=id, name="new")
    pair.desk.sync()
    pair.lap.sync()
    events = [reader.event(), reader.event()]
    assert {event["kind"] for event in events} == {"session.updated", "message.appended"}


def test_results_and_events_name_the_other_machine(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="kept")["id"]
    reader = pair.lap.server.connect()
    reader.call("events.subscribe", kinds=["message.appended"])
    pair.desk.say(id, "hello")
    pair.sync()
    assert reader.event()["data"]["machine"] == "desk"
    pair.lap.say(id, "answer")
    [first, second] = pair.lap.wire.call("message.list", session_id=id)["messages"]
    assert (first["machine"], "machine" in second) == ("desk", False)
    assert pair.lap.wire.call("message.get", message_id=first["id"])["machine"] == "desk"
    assert "machine" not in pair.lap.wire.call("session.get", session_id=id)
    pair.sync()
    assert pair.desk.wire.call("session.get", session_id=id)["machine"] == "lap"
    assert pair.desk.sessions()[id]["machine"] == "lap"


def test_a_session_of_another_machine_is_not_continued_unless_resumed(pair: Pair) -> None:
    place: dict[str, Any] = {"working_dir": "/srv/x"}
    id = pair.desk.wire.call("session.resolve", create=True, **place)["session"]["id"]
    pair.desk.say(id, "hello")
    pair.sync()
    assert pair.lap.wire.call("session.resolve", create=False, **place)["session"] is None
    pair.lap.wire.call("session.resume", session_id=id)
    assert pair.lap.wire.call("session.resolve", create=False, **place)["session"]["id"] == id
    assert pair.desk.wire.call("session.resolve", create=False, **place)["session"]["id"] == id


def test_sessions_of_other_tools_and_of_frameworks_stay_here(pair: Pair) -> None:
    pair.desk.wire.call(
        "session.import",
        source={"tool": "claude", "id": "1"},
        session={},
        messages=[{"role": "user", "key": "1", "content": "a"}],
    )
    pair.desk.wire.call("session.create", metadata={"segue.kind": "store"})
    pair.sync()
    assert pair.lap.sessions() == {}


def test_a_message_that_is_streamed_travels_when_it_is_finished(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="kept")["id"]
    begun = pair.desk.wire.call("message.begin", session_id=id, role="assistant", content="beg")["message_id"]
    pair.desk.say(id, "after it")
    pair.sync()
    assert pair.lap.texts(id) == ["after it"]
    pair.desk.wire.call("message.finish", message_id=begun, content="begun and finished")
    pair.sync()
    assert pair.lap.texts(id) == ["begun and finished", "after it"]
