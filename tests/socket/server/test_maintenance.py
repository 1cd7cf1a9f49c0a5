"""The maintenance worker: its pauses while clients write, and while a long read keeps the WAL."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from segue.models import Draft
from segue.server.jobs.maintenance import (
    BUSY_SECONDS,
    FLUSH_RETRY_SECONDS,
    PAUSE_SECONDS,
    RETRY_SECONDS,
    SHORT_STEPS,
    WRITERS_SECONDS,
    Maintenance,
    Phase,
)
from segue.store.engine.tx import Tx
from segue.store.records import append, sessions
from segue.store.search import index, index_entries
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


async def test_the_pause_for_writers_is_shorter_the_more_messages_are_to_be_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BACKLOG_MESSAGES", 4)
    monkeypatch.setattr(index_entries, "NEW_MESSAGES", 1)
    new = append.prepare(Draft(role="user", content="zebra"), 100)
    pauses: list[float] = []
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(tmp_path / "data" / "sessions.db", clock=lambda: START_MS) as store:

            async def write_meanwhile(seconds: float) -> None:
                pauses.append(seconds)
                await store.write(append.append, session.id, new)

            worker = Maintenance(store, sleep=write_meanwhile)
            await worker.run_until(clean=True)
            session = await store.write(sessions.create, bot_id="default")
            for _ in range(6):
                await store.write(append.append, session.id, new)
            for _ in range(6):
                await worker._step(Phase.INDEX, 6)
                await worker._pause()
            worker.mark_deleted()
            await worker._pause()
            assert worker.flush_due
    assert pauses[::2] == [PAUSE_SECONDS] * 7
    shares = [0, 0, 0.25, 0.5, 0.75, 1]
    assert pauses[1::2] == [*(WRITERS_SECONDS * share for share in shares), BUSY_SECONDS]


async def test_the_index_takes_short_steps_after_a_long_write_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = append.prepare(Draft(role="user", content="zebra"), 100)
    shares: list[float] = []
    step = index.step

    def record(tx: Tx, target: int, share: float = 1.0) -> int:
        shares.append(share)
        return step(tx, target, share)

    monkeypatch.setattr(index, "step", record)
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(tmp_path / "data" / "sessions.db", clock=lambda: START_MS) as store:
            worker = Maintenance(store)
            id = (await store.write(sessions.create, bot_id="default")).id
            await store.write(append.append, id, new)
            await worker._run_round()
            assert shares == [1]
            await store.write_long(append.append, id, new)
            await worker._run_round()
            assert shares == [1, *[1 / SHORT_STEPS] * SHORT_STEPS]
            await store.write(append.append, id, new)
            await worker._run_round()
            assert shares[-1] == 1
