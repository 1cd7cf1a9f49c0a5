"""The disk of a machine is full in the middle of a pull."""

import os
import resource
import signal
from pathlib import Path
from random import Random

import pytest

from segue.errors import StorageError
from tests.process.sync.conftest import Machine

MESSAGES = 300
"""More than the limits hold, also if the daemon empties its WAL between two rounds."""
TEXT_BYTES = 20_000


def limit_files(machine: Machine, size: int | None) -> None:
    """Limit the size of the running daemon's files; None removes the limit."""
    _, hard = resource.prlimit(machine.segued.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(machine.segued.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


@pytest.mark.long
def test_a_pull_that_fills_the_disk_is_completed_when_there_is_room(machines: list[Machine], tmp_path: Path) -> None:
    random = Random(1)
    _, lap = machines
    wires = [machine.start() for machine in machines]
    hub = str(tmp_path / "hub")
    invitation = wires[0].call("sync.init", url=hub, name="desk")["invitation"]
    wires[0].call("sync.run")
    wires[1].call("sync.join", url=hub, invitation=invitation, name="lap")
    wires[1].call("sync.run")
    os.kill(lap.segued.pid, signal.SIGSTOP)  # It looks at the hub by itself, and would pull before it has a limit.
    id = wires[0].call("session.create", name="shared")["id"]
    texts = [random.randbytes(TEXT_BYTES // 2).hex() for _ in range(MESSAGES)]
    for start in range(0, MESSAGES, 30):
        messages = [{"role": "user", "content": text} for text in texts[start : start + 30]]
        wires[0].call("message.append_many", session_id=id, messages=messages)
        wires[0].call("sync.run")
    largest = max(path.stat().st_size for path in lap.segued.database.parent.iterdir())
    stored = 0
    for room in (largest + 300_000, largest + 1_400_000):
        limit_files(lap, room)
        os.kill(lap.segued.pid, signal.SIGCONT)
        with pytest.raises(StorageError) as full:
            wires[1].call("sync.run")
        assert full.value.data["reason"] == "full"
        status = wires[1].call("sync.status")
        assert "full" in status["error"]
        page = wires[1].call("session.list", name_contains="shared")
        stored, before = page["sessions"][0]["message_count"] if page["sessions"] else 0, stored
        assert before <= stored < MESSAGES
        assert wires[1].call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert stored > 0
    limit_files(lap, None)
    done = wires[1].call("sync.run")
    assert (done["problems"], done["error"]) == ([], None)
    page = wires[1].call("message.list", session_id=id, limit=1000)
    assert [one["content"] for one in page["messages"]] == texts
