"""A daemon that is killed while it replaces the key."""

from pathlib import Path

import pytest

from segue.errors import Conflict
from segue.sync.keys import Key, parse_line
from tests.process.sync.conftest import Machine
from tests.support.deadline import wait_until

BATCHES = 24
KILLED_AFTER = (0, 1, 5, 12, 20, BATCHES)
"""Batches of the new account after which the daemon is killed."""


def key_of(machine: Machine) -> Key:
    return parse_line(machine.segued.database.with_name("sync.key").read_text())


@pytest.mark.long
def test_nothing_is_lost_when_the_daemon_is_killed_while_it_replaces_the_key(
    machines: list[Machine], tmp_path: Path
) -> None:
    desk, _ = machines
    wires = [machine.start() for machine in machines]
    hub = tmp_path / "hub"
    invitation = wires[0].call("sync.init", url=str(hub), name="desk")["invitation"]
    id = wires[0].call("session.create", name="shared")["id"]
    said = []
    for number in range(BATCHES):
        said.append(f"text {number}")
        wires[0].call("message.append", session_id=id, role="user", content=said[-1])
        wires[0].call("sync.run")
    wires[1].call("sync.join", url=str(hub), invitation=invitation, name="lap")
    wires[1].call("sync.run")
    for count in KILLED_AFTER:
        before = key_of(desk)
        old = {path.name for path in hub.iterdir()}

        def reached(count: int = count, old: set[str] = old) -> bool:
            new = [path for path in hub.iterdir() if path.name not in old]
            return count == 0 or any(len([*path.glob("*/*")]) >= count for path in new)

        wires[0].post("sync.rekey")
        wait_until(reached)
        desk.segued.kill()
        wires[0] = desk.start()
        assert wires[0].call("sync.run")["problems"] == []
        if key_of(desk) != before:
            with pytest.raises(Conflict, match="replaced on desk"):
                wires[1].call("sync.run")
            line = wires[0].call("sync.invite")["invitation"]
            wires[1].call("sync.join", url=str(hub), invitation=line)
        said.append(f"after {count}")
        wires[1].call("message.append", session_id=id, role="user", content=said[-1])
        for wire in (wires[1], wires[0]):
            assert wire.call("sync.run")["problems"] == []
        live = [path for path in hub.iterdir() if len([*path.glob("*/*")]) > 1]
        assert [path.name for path in live] == [key_of(desk).account]
    assert wires[0].call("sync.rekey")["problems"] == []
    for wire in wires:
        page = wire.call("message.list", session_id=id, limit=1000)
        assert [one["content"] for one in page["messages"]] == said
