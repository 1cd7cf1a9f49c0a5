"""Random histories: several machines, a hub, and everything that can happen to both.

At the end all machines must agree in everything that a person can read, no answered message may be lost, and no deleted
word may be left at the hub.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest

from tests.support.counters import tried
from tests.support.sync.world import Dangers, World

STEPS = 100

KINDS = {
    "crashes": Dangers(),
    "files in any order": Dangers(carried=True),
    "copies": Dangers(clone=0.02),
    "old files put back": Dangers(put_back=0.03),
    "hub lost or old": Dangers(lose_hub=0.02),
    "keys replaced": Dangers(rekey=0.03, clone=0.01, put_back=0.01),
    "keys replaced, hub lost or old": Dangers(rekey=0.02, clone=0.01, put_back=0.01, lose_hub=0.015),
    "all together": Dangers(clone=0.015, put_back=0.02, lose_hub=0.015),
    "all together, files in any order": Dangers(clone=0.015, put_back=0.02, lose_hub=0.015, carried=True),
}


@pytest.fixture
def first_seed(pytestconfig: pytest.Config) -> int:
    """Return the seed of the first history; its kind is the seed's place in `KINDS`."""
    return int(pytestconfig.getoption("--sync-seed"))


def test_machines_agree_after_any_history(sync_histories: int, first_seed: int) -> None:
    for seed in range(first_seed, first_seed + sync_histories):
        name, dangers = [*KINDS.items()][seed % len(KINDS)]
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with TemporaryDirectory(dir=shared, prefix="segue-sync-") as folder:
            try:
                counts = anyio.run(run_history, Path(folder), seed, dangers)
            except BaseException as error:
                error.add_note(f"history with {name}: --sync-histories=1 --sync-seed={seed}")
                raise
        tried("histories of several machines, in which they agreed at the end")
        for what, number in counts.items():
            tried(f"{what} in histories of several machines", number)


async def run_history(folder: Path, seed: int, dangers: Dangers) -> dict[str, int]:
    """Run one history, check its end, and return what happened in it."""
    world = World(folder, seed, dangers)
    try:
        await world.run(STEPS)
        await world.settle()
        world.check()
    finally:
        world.close()
    crashes = sum(machine.crashes for machine in world.machines)
    return {**world.counts, "crashes": crashes, "messages": len(world.said.texts)}
