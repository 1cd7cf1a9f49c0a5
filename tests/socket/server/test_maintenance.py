"""The maintenance worker: a WAL that a long read keeps is flushed later, with growing pauses."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from segue.server.jobs.maintenance import FLUSH_RETRY_SECONDS, RETRY_SECONDS, Maintenance
from segue.store.records import sessions
from segue.store.store import open_store
from tests.support.clock import START_MS
from tests.support.wire import TIMEOUT_SECONDS

ATTEMPTS = 10

pytestmark = pytest.mark.anyio


async def test_the_pause_between_two_flushes_doubles_while_another_program_reads(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sessions.db"
    pauses: list[float] = []
    now = 1000.0
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(path, clock=lambda: START_MS) as store:
            worker = Maintenance(store, lambda: now)
            await store.write(sessions.create, bot_id="default")
            with closing(sqlite3.connect(path, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT id FROM sessions").fetchall()
                await store.write(sessions.create, bot_id="default")
                while len(pauses) < ATTEMPTS:
                    if not await worker._run_round() and worker._next_flush > now:
                        pauses.append(worker._next_flush - now)
                        now = worker._next_flush
                assert worker.flush_due
            await worker._run_round()
            assert not worker.flush_due
    doubled = [FLUSH_RETRY_SECONDS * 2**number for number in range(ATTEMPTS)]
    assert pauses == pytest.approx([min(pause, RETRY_SECONDS) for pause in doubled])
