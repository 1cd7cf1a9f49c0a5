"""The WAL that a long read keeps is tried again until it is empty, and ever less often."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from segue.server.jobs.wal_cleaner import RETRY_SECONDS, TRY_SECONDS, WalCleaner
from segue.store.records import sessions
from segue.store.store import open_store
from tests.support.clock import START_MS
from tests.support.wire import TIMEOUT_SECONDS

PAUSES = 10

pytestmark = pytest.mark.anyio


async def test_a_wal_that_another_program_reads_is_tried_ever_less_often(tmp_path: Path) -> None:
    path = tmp_path / "data" / "sessions.db"
    backoff_delays: list[float] = []

    async def note_pause(seconds: float) -> None:
        backoff_delays.append(seconds)
        if len(backoff_delays) == PAUSES:
            reader.execute("ROLLBACK")
        await checkpoint()

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(path, clock=lambda: START_MS) as store, anyio.create_task_group() as tasks:
            with closing(sqlite3.connect(path, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT id FROM sessions").fetchall()
                await store.write(sessions.create, bot_id="default")
                traces = WalCleaner(store, note_pause)
                tasks.start_soon(traces.wipe_on_demand)
                while traces.pending:
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    doubled = [TRY_SECONDS * 2**number for number in range(PAUSES)]
    assert backoff_delays == [min(pause, RETRY_SECONDS) for pause in doubled]
