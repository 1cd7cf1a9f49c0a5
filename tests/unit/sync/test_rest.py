"""A push leaves the processor to clients that write all the time."""

from pathlib import Path
from random import Random

import pytest

from segue.models import Draft
from segue.store.records import append, sessions
from segue.store.records.append import prepare
from segue.sync import syncer
from segue.sync.keys import new_key
from segue.sync.syncer import BUSY_COMMITS, REST_SECONDS
from segue.sync.transports.folder import FolderTransport
from segue.sync.transports.transport import Batch, Pushed
from tests.support.clock import START_MS
from tests.support.sync.machine import Machine


@pytest.mark.parametrize(("commits", "rests"), [(0, 0), (BUSY_COMMITS - 1, 0), (BUSY_COMMITS, 3)])
async def test_a_push_rests_after_a_batch_only_if_clients_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits: int, rests: int
) -> None:
    machine = Machine("m", tmp_path / "m", lambda: START_MS, Random(1))
    machine.create(new_key())
    id = machine.do(sessions.create, bot_id="default", name="one").id
    for number in range(1100):
        machine.do(append.append, id, prepare(Draft(role="user", content=str(number)), 10**6))
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(syncer, "sleep", note)
    (tmp_path / "hub").mkdir()

    class Hub(FolderTransport):
        """A hub during whose pushes clients write."""

        async def push(self, batch: Batch) -> Pushed:
            machine.store.commit_count += commits
            return await super().push(batch)

    assert await machine.sync(lambda key, names: Hub(tmp_path / "hub", key.account, names)) == 3
    assert slept == [REST_SECONDS] * rests
    machine.store.close()
