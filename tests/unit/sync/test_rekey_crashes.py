"""A machine that dies at any step while it replaces the key or takes the new one: nothing is lost, one key is left."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest

from segue.errors import Conflict
from segue.models import Draft
from segue.store.records import append, sessions
from segue.store.records.append import prepare
from segue.sync import keys, positions, rotation
from segue.sync.keys import new_key
from segue.sync.retired import MARK_MACHINE
from segue.sync.sealing import open_batch
from segue.sync.transports.folder import FolderTransport
from segue.sync.transports.transport import Batch
from tests.support.counters import tried
from tests.support.sync.compare import snapshot
from tests.support.sync.machine import Crash, Machine, Rounds

START_MS = 1_790_000_000_000
HEADER_BYTES = 36


class Pair:
    """Two machines of one account, each of which has something that the hub does not have."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.hub = folder / "hub"
        self.hub.mkdir(parents=True)
        key = new_key()
        self.now = START_MS
        self.desk, self.lap = [Machine(name, folder / name, self._clock, Random(1)) for name in ("desk", "lap")]
        for machine in (self.desk, self.lap):
            machine.create(key)
            self.say(machine, f"first of {machine.name}")
        for module in (keys, rotation):
            patch.setattr(module, "replace_file", self._mortal(module.replace_file))

    def _clock(self) -> int:
        self.now += 1000
        return self.now

    def _mortal(self, write: Callable[..., None]) -> Callable[..., None]:
        def replace(path: Path, *args: Any, **kwargs: Any) -> None:
            machine = self.desk if path.parent == self.desk.folder else self.lap
            machine._dies()
            write(path, *args, **kwargs)
            machine._dies()

        return replace

    async def prepare(self) -> None:
        for machine in (self.desk, self.lap, self.desk):
            await self.rounds(machine).run(accept_deletions=False)
        for machine in (self.desk, self.lap):
            self.say(machine, f"second of {machine.name}")
        # The lap seals a batch, and dies before it learns whether the hub has it.
        for fuse in count():
            assert await self.dies(self.lap, fuse, self.rounds(self.lap).run(accept_deletions=False))
            if self.lap.read(positions.outbox) is not None:
                return

    def rounds(self, machine: Machine) -> Rounds:
        return Rounds(machine, lambda key, names: FolderTransport(self.hub, key.account, names))

    async def dies(self, machine: Machine, fuse: int, work: Any) -> bool:
        """Do the work; return True if the machine died in it, and was started again."""
        machine._fuse = fuse
        try:
            await work
        except Crash:
            await machine.die()
            return True
        finally:
            machine._fuse = None
        return False

    def say(self, machine: Machine, text: str) -> None:
        if not machine.read(lambda tx: tx.run("SELECT count(*) FROM sessions").fetchone()[0]):
            machine.do(sessions.create, id=f"of-{machine.name}", bot_id="default")
        id = machine.read(lambda tx: tx.run("SELECT min(id) FROM sessions").fetchone()[0])
        machine.do(append.append, id, prepare(Draft(role="user", content=text), 10**6))

    async def settle(self) -> None:
        """Let both machines sync; the lap joins again if the error asks for it."""
        for _ in range(3):
            await self.rounds(self.desk).run(accept_deletions=False)
            try:
                await self.rounds(self.lap).run(accept_deletions=False)
            except Conflict as error:
                if error.data["reason"] != "rekeyed":
                    raise
                await self.rounds(self.lap).follow("test:", self.rounds(self.desk).key(), None)
                await self.rounds(self.lap).run(accept_deletions=False)

    def check(self) -> None:
        """Check that both machines have everything, and that the hub has it under their key only."""
        assert snapshot(self.desk) == snapshot(self.lap)
        texts = {text for (text,) in self.desk.store.connection.execute("SELECT content FROM messages")}
        assert texts == {f"{order} of {name}" for order in ("first", "second") for name in ("desk", "lap")}
        key = self.rounds(self.desk).key()
        assert key == self.rounds(self.lap).key()
        for path in self.hub.glob("*/*/*"):
            batch = Batch(path.parent.name, int(path.name), b"", path.read_bytes()[HEADER_BYTES:])
            if path.parts[-3] == key.account:
                open_batch(key, batch)
            else:
                assert path.parent.name == MARK_MACHINE
        for machine in (self.desk, self.lap):
            assert not rotation.state_path(machine.database).exists()

    def close(self) -> None:
        for machine in (self.desk, self.lap):
            machine.store.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(dir=shared, prefix="segue-rekey-") as found:
        yield Path(found)


@pytest.mark.long
@pytest.mark.parametrize("who", ["desk", "lap"])
def test_a_crash_at_any_step_loses_nothing_and_leaves_one_key(
    folder: Path, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuse = 0
    while anyio.run(_dies_at, folder / str(fuse), fuse, who, monkeypatch):
        tried(f"crashes of the machine that {'replaces' if who == 'desk' else 'takes'} a key")
        fuse += 1
    assert fuse > (30 if who == "desk" else 5)


async def _dies_at(folder: Path, fuse: int, who: str, patch: pytest.MonkeyPatch) -> bool:
    """Replace the key, with a crash of one machine after a number of steps; return False if all steps were done."""
    with patch.context() as patches:
        pair = Pair(folder, patches)
        try:
            await pair.prepare()
            died = await pair.dies(pair.desk, fuse if who == "desk" else 10**6, pair.rounds(pair.desk).rekey())
            if who == "lap":
                with suppress(Conflict):
                    await pair.rounds(pair.lap).run(accept_deletions=False)
                new = pair.rounds(pair.desk).key()
                died = await pair.dies(pair.lap, fuse, pair.rounds(pair.lap).follow("test:", new, None))
            await pair.settle()
            pair.check()
        except BaseException as error:
            error.add_note(f"{who} dies at step {fuse}")
            raise
        finally:
            pair.close()
    return died
