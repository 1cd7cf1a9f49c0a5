"""How far a round is: its steps, and what is counted in each."""

from pathlib import Path
from random import Random

from segue.models import Draft
from segue.runtime.progress import Progress
from segue.store.records import append, sessions
from segue.store.records.message import edit
from segue.sync.keys import new_key
from segue.sync.syncer import Syncer
from segue.sync.transports.folder import FolderTransport
from tests.support.sync.machine import Machine

START_MS = 1_790_000_000_000


class Recorder(Progress):
    """A progress that keeps what it was at the end of each step."""

    def __init__(self) -> None:
        super().__init__("sync")
        self.ends: list[tuple[str, int, int | None, str]] = []

    def begin(self, step: str, total: int | None = None, unit: str = "", **more: object) -> None:
        self.end()
        super().begin(step, total, unit)

    def end(self) -> None:
        if self.total is not None:
            self.ends.append((self.step, self.done, self.total, self.unit))


async def test_a_round_counts_what_it_receives_sends_and_rewrites(tmp_path: Path) -> None:
    key = new_key()
    desk, lap = [Machine(name, tmp_path / name, lambda: START_MS, Random(1)) for name in ("desk", "lap")]
    (tmp_path / "hub").mkdir()

    async def run(machine: Machine) -> list[tuple[str, int, int | None, str]]:
        progress = Recorder()
        transport = FolderTransport(tmp_path / "hub", key.account, [machine.uid])
        await Syncer(machine.store, transport, key, machine.home, lambda: None, progress).run()  # type: ignore[arg-type]
        progress.end()
        return progress.ends

    for machine in (desk, lap):
        machine.create(key)
    desk.do(sessions.create, id="s", bot_id="default")
    for number in range(600):
        desk.do(append.append, "s", append.prepare(Draft(role="user", content=f"text {number}"), 10**6))
    assert await run(desk) == [("sending", 600, 600, "messages")]
    assert await run(lap) == [("receiving", 2, 2, "batches")]
    desk.do(edit.delete_ids, "s", [1])
    assert ("rewriting what holds deleted text", 1, 1, "batches") in await run(desk)
    for machine in (desk, lap):
        await run(machine)
        machine.store.close()
