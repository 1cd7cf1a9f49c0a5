"""Two machines with real daemons: the commands, and daemons that are killed while they sync."""

from pathlib import Path
from random import Random

import pytest

from tests.process.sync.conftest import Machine

KILLS = 12


def test_a_second_machine_joins_with_the_printed_invitation(machines: list[Machine], tmp_path: Path) -> None:
    desk, lap = machines
    for machine in machines:
        machine.start()
    hub = tmp_path / "hub"
    assert desk.segue.run("sync").code == 1
    desk.segue.run("add", "hello from the desk")
    made = desk.segue.run("sync", "init", str(hub), "--name", "desk")
    assert made.code == 0, made.err
    assert desk.segue.run("sync", "invite").out == made.out
    joined = lap.segue.run("sync", "join", str(hub), "--name", "lap", stdin=made.out.encode())
    assert (joined.code, joined.out, joined.err) == (0, "", "")
    assert "hello from the desk" in lap.segue.run("search", "hello").out
    rows = lap.segue.run("sync", "status").rows
    assert [row[0] for row in rows] == ["lap (here)", "desk"]
    status = lap.segue.run("sync", "status", "--json").json
    assert status["problems"] == []
    assert lap.segue.run("status", "--json").json["sync"]["name"] == "lap"
    [row] = lap.segue.run("list", "--machine", "desk").rows
    assert row[-1] == "desk"
    assert "machine   desk" in lap.segue.run("show", row[0]).out
    assert "[on desk]" in lap.segue.run("show", row[0]).out
    assert lap.segue.run("list", "--machine", "lap").out == ""
    unknown = lap.segue.run("list", "--machine", "tower")
    assert (unknown.code, unknown.err) == (1, "segue: no machine 'tower'; there are: lap (here), desk\n")


def test_a_machine_joins_again_after_the_key_was_replaced(machines: list[Machine], tmp_path: Path) -> None:
    desk, lap = machines
    for machine in machines:
        machine.start()
    hub = str(tmp_path / "hub")
    made = desk.segue.run("sync", "init", hub, "--name", "desk")
    lap.segue.run("sync", "join", hub, "--name", "lap", stdin=made.out.encode())
    desk.segue.run("sync")
    rekeyed = desk.segue.run("sync", "rekey")
    assert rekeyed.out.startswith("segue-1-")
    assert rekeyed.err == "segue: run segue sync join HUB with this invitation on: lap\n"
    assert [row[0] for row in desk.segue.run("sync", "status").rows] == ["desk (here)", "lap (old key)"]
    lap.segue.run("add", "said meanwhile")
    for command in ((), ("invite",), ("rekey",)):
        stopped = lap.segue.run("sync", *command)
        assert (stopped.code, stopped.out) == (1, "")
        assert "the key was replaced on desk" in stopped.err
    assert lap.segue.run("sync", "join", hub, stdin=made.out.encode()).code == 1
    assert lap.segue.run("sync", "join", hub, stdin=rekeyed.out.encode())[:3] == (0, "", "")
    again = desk.segue.run("sync", "rekey", "--json").json
    assert again["machines"] == ["lap"]
    assert again["problems"] == []
    assert "said meanwhile" in desk.segue.run("search", "meanwhile").out


@pytest.mark.parametrize(
    ("line", "reason"),
    [("", "not an invitation"), ("segue-1-abc", "mistyped or incomplete"), ("x" * 5000, "more than")],
)
def test_a_wrong_invitation_changes_nothing(machines: list[Machine], tmp_path: Path, line: str, reason: str) -> None:
    desk, _ = machines
    desk.start()
    refused = desk.segue.run("sync", "join", str(tmp_path / "hub"), stdin=line.encode())
    assert refused.code == 1
    assert reason in refused.err
    assert not (tmp_path / "hub").exists()
    assert not desk.segued.database.with_name("sync.key").exists()


def test_a_second_history_in_one_folder_is_noticed(machines: list[Machine], tmp_path: Path) -> None:
    desk, lap = machines
    for machine in machines:
        machine.start()
    hub = str(tmp_path / "hub")
    assert desk.segue.run("sync", "init", hub).err == ""
    second = lap.segue.run("sync", "init", hub)
    assert second.code == 0
    assert "has another history already, which this one never meets; to have both as one, run segue" in second.err


def test_the_key_and_the_mark_are_private(machines: list[Machine], tmp_path: Path) -> None:
    desk, _ = machines
    desk.start()
    desk.segue.run("sync", "init", str(tmp_path / "hub"))
    for name in ("sync.key", "sync.mark"):
        assert desk.segued.database.with_name(name).stat().st_mode & 0o777 == 0o600


@pytest.mark.long
def test_nothing_is_lost_or_doubled_when_daemons_are_killed_in_the_middle(
    machines: list[Machine], tmp_path: Path
) -> None:
    random = Random(5)
    wires = {machine: machine.start() for machine in machines}
    desk, lap = machines
    invitation = wires[desk].call("sync.init", url=str(tmp_path / "hub"), name="desk")["invitation"]
    wires[desk].call("sync.run")
    wires[lap].call("sync.join", url=str(tmp_path / "hub"), invitation=invitation, name="lap")
    session_id = wires[desk].call("session.create", name="shared")["id"]
    wires[desk].call("sync.run")
    wires[lap].call("sync.run")
    said = []
    for number in range(KILLS):
        machine = random.choice(machines)
        for part in range(random.randrange(1, 60)):
            said.append(f"text {number} {part}")
            wires[machine].call("message.append", session_id=session_id, role="user", content=said[-1])
        wires[machine].post("sync.run")
        machine.segued.kill()
        wires[machine] = machine.start()
    for machine in (desk, lap, desk, lap):
        assert wires[machine].call("sync.run")["problems"] == []
    texts = [
        [one["content"] for one in wires[machine].call("message.list", session_id=session_id, limit=10_000)["messages"]]
        for machine in machines
    ]
    assert texts[0] == texts[1]
    assert sorted(texts[0]) == sorted(said)


def test_a_copied_database_takes_another_name_before_it_writes(machines: list[Machine], tmp_path: Path) -> None:
    desk, lap = machines
    wire = desk.start()
    wire.call("sync.init", url=str(tmp_path / "hub"), name="desk")
    session_id = wire.call("session.create", name="shared")["id"]
    wire.call("sync.run")
    desk.segued.stop()
    lap.segued.database.parent.mkdir(mode=0o700)
    for path in desk.segued.database.parent.iterdir():
        if path.suffix != ".lock" and not path.is_dir():
            copy = lap.segued.database.parent / path.name
            copy.write_bytes(path.read_bytes())
            copy.chmod(0o600)
    wires = [machine.start() for machine in machines]
    for number, one in enumerate(wires):
        one.call("message.append", session_id=session_id, role="user", content=f"of machine {number}")
    for one in (*wires, *wires):
        assert one.call("sync.run")["problems"] == []
    names = [{entry["id"] for entry in one.call("sync.status")["machines"] if entry["here"]} for one in wires]
    assert names[0] != names[1]
    for one in wires:
        found = one.call("message.list", session_id=session_id)["messages"]
        assert sorted(message["content"] for message in found) == ["of machine 0", "of machine 1"]
