"""The names of machines in results, and lists of what one of them used last."""

import msgspec
import pytest

from segue.cli.commands.operate.sync import shown_names
from segue.errors import Conflict, InvalidParams, NotFound
from segue.status_results import SyncMachine
from tests.socket.sync.conftest import Machine, Pair


def listed(machine: Machine, name: str) -> set[str]:
    page = machine.wire.call("session.list", machine=name)
    assert page["total"] == len(page["sessions"])
    return {one["name"] for one in page["sessions"]}


@pytest.fixture
def used(pair: Pair) -> Pair:
    """Return two machines that have used one session each."""
    for machine, name in ((pair.desk, "of the desk"), (pair.lap, "of the lap")):
        # Without an ID of its own, both would have that of the same time
        id = machine.wire.call("session.create", id=name.replace(" ", "-"), name=name)["id"]
        machine.say(id, f"hello {name}")
    pair.sync()
    pair.sync()
    return pair


def test_a_list_of_one_machine_has_what_it_used_last(used: Pair) -> None:
    ids = {one["name"]: one["id"] for one in used.desk.wire.call("sync.status")["machines"]}
    for lap in ("lap", ids["lap"]):
        assert listed(used.desk, lap) == {"of the lap"}
    assert listed(used.desk, "desk") == {"of the desk"}
    assert listed(used.lap, "desk") == {"of the desk"}
    [shared] = [one["id"] for one in used.desk.sessions().values() if one["name"] == "of the lap"]
    used.desk.say(shared, "an answer")
    assert listed(used.desk, "lap") == set()
    assert listed(used.desk, "desk") == {"of the desk", "of the lap"}


def test_a_session_of_another_machine_stays_one_when_more_of_it_comes(used: Pair) -> None:
    place = "/srv/x"
    id = used.desk.wire.call("session.resolve", working_dir=place)["session"]["id"]
    for count in (1, 1, 90):  # More than are stored in one step
        for number in range(count):
            used.desk.say(id, f"text {number}")
        used.sync()
        assert used.lap.sessions()[id]["machine"] == "desk"
        assert used.lap.wire.call("session.resolve", working_dir=place, create=False)["session"] is None
    used.lap.say(id, "used here")
    assert "machine" not in used.lap.sessions()[id]
    used.desk.say(id, "said offline")
    used.sync()
    used.sync()
    assert used.lap.texts(id) == used.desk.texts(id)
    assert len({used.lap.sessions()[id].get("machine"), used.desk.sessions()[id].get("machine")}) == 2


def test_a_list_of_one_machine_continues_by_its_cursor(used: Pair) -> None:
    for number in range(3):
        used.lap.wire.call("session.create", name=f"more {number}")
    used.sync()
    names, more = [], dict[str, str]()
    while True:
        page = used.desk.wire.call("session.list", machine="lap", limit=2, **more)
        names += [one["name"] for one in page["sessions"]]
        assert page["total"] == 4
        if page["next_cursor"] is None:
            break
        more = {"cursor": page["next_cursor"]}
    assert names == ["more 2", "more 1", "more 0", "of the lap"]


def test_an_unknown_machine_is_an_error_that_names_the_known_ones(used: Pair) -> None:
    with pytest.raises(NotFound, match=r"no machine 'tower'; there are: desk \(here\), lap") as caught:
        used.desk.wire.call("session.list", machine="tower")
    assert caught.value.data == {"what": "machine", "id": "tower"}
    with pytest.raises(InvalidParams):
        used.desk.wire.call("session.list", machine="")
    used.lap.wire.call("sync.leave")
    with pytest.raises(NotFound, match="sync is off, so there is only this machine"):
        used.lap.wire.call("session.list", machine="lap")


def test_two_machines_with_one_name_are_distinguished_by_their_ids(used: Pair) -> None:
    used.lap.wire.call("sync.leave")
    used.lap.wire.call("sync.join", url=str(used.hub), invitation=used.invitation, name="desk")
    used.lap.wire.call("session.create", name="later")
    used.sync()
    used.sync()
    machines = used.desk.wire.call("sync.status")["machines"]
    ids = {one["here"]: one["id"] for one in machines if one["name"] == "desk"}
    assert listed(used.desk, ids[True]) == {"of the desk"}
    assert "later" in listed(used.desk, ids[False])
    shown = shown_names(msgspec.convert(machines, list[SyncMachine]))
    assert shown == [f"desk {ids[True][:8]}", "lap", f"desk {ids[False][:8]}"]
    assert "later" in listed(used.desk, shown[2].split()[1])
    with pytest.raises(NotFound):
        listed(used.desk, ids[False][:7])
    with pytest.raises(Conflict, match=f"several machines are named 'desk'; give one of {ids[True]}, {ids[False]}"):
        used.desk.wire.call("sync.forget", machine="desk")
    used.desk.wire.call("sync.forget", machine=ids[False][:8])
    assert [one["forgotten"] for one in used.desk.wire.call("sync.status")["machines"]] == [False, False, True]


def test_search_names_the_machine_of_a_hit(used: Pair) -> None:
    page = used.desk.wire.call("message.search", query="hello")
    assert {hit["session_name"]: hit.get("machine") for hit in page["hits"]} == {
        "of the desk": None,
        "of the lap": "lap",
    }
    [by_name] = used.desk.wire.call("message.search", query="lap", match="words")["sessions"]
    assert by_name["machine"] == "lap"
