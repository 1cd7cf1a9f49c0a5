"""Opening and closing a store: no thread and no file is left, and waiting writes are committed."""

import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.errors import ShuttingDown, StartError
from segue.store import store as store_module
from segue.store.engine.tx import Tx
from segue.store.store import READERS, Store, open_store
from tests.socket.store.harness import (
    BlockedWriter,
    WriterProbe,
    add,
    adding,
    clock,
    other_program,
    wait_for,
    worker_threads,
)
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio


async def test_closing_commits_waiting_writes_and_refuses_later_ones(path: Path) -> None:
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(anyio.create_task_group())
        store = await stack.enter_async_context(open_store(path, clock=clock))
        blocked = BlockedWriter(store, tasks)
        await blocked.block()
        await blocked.queue(adding("a"), adding("b"))
        store.refuse_writes()
        with pytest.raises(ShuttingDown):
            await store.write(add, "late")
        blocked.release()
    assert blocked.outcomes == [1, 2]
    with other_program(path) as connection:
        assert connection.execute("SELECT id FROM bots WHERE id <> 'default'").fetchall() == [("a",), ("b",)]


async def test_a_canceled_store_still_commits_waiting_writes(path: Path) -> None:
    outcomes: list[Any] = []
    scope = anyio.CancelScope()
    with scope:
        async with open_store(path, clock=clock) as store, anyio.create_task_group() as tasks:
            blocked = BlockedWriter(store, tasks)
            outcomes = blocked.outcomes
            await blocked.block()
            await blocked.queue(adding("a"))
            threading.Timer(0, blocked.release).start()
            scope.cancel()
    assert scope.cancelled_caught
    assert outcomes == [None]
    with other_program(path) as connection:
        assert connection.execute("SELECT id FROM bots WHERE id <> 'default'").fetchall() == [("a",)]
    assert worker_threads() == 0


async def test_closing_interrupts_a_read_that_takes_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CLOSE_SECONDS", 0.05)
    started = threading.Event()

    def count_forever(tx: Tx) -> None:
        started.set()
        tx.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n").fetchall()

    outcomes: list[Exception] = []

    async def read(store: Store) -> None:
        try:
            await store.read(count_forever)
        except ShuttingDown as error:
            outcomes.append(error)

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks, open_store(path, clock=clock) as store:
            tasks.start_soon(read, store)
            await wait_for(started)
    assert len(outcomes) == 1
    assert worker_threads() == 0


async def test_closing_leaves_one_file_and_no_thread(path: Path) -> None:
    async with open_store(path, clock=clock):
        assert worker_threads() == 1 + READERS
        assert sorted(file.name for file in path.parent.iterdir()) == [
            "sessions.db",
            "sessions.db-shm",
            "sessions.db-wal",
        ]
    assert worker_threads() == 0
    assert [file.name for file in path.parent.iterdir()] == ["sessions.db"]


async def test_an_error_in_the_context_leaves_no_thread(path: Path) -> None:
    """A thread of aiosqlite is not a daemon thread: one that stays keeps the process alive."""
    with pytest.raises(LookupError):
        async with open_store(path, clock=clock):
            raise LookupError
    assert worker_threads() == 0


def write_garbage(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"no database" * 500)


async def test_a_store_that_cannot_be_opened_leaves_no_thread(path: Path) -> None:
    write_garbage(path)
    for _ in range(3):
        with pytest.raises(StartError):
            async with open_store(path, clock=clock):
                pass
        assert worker_threads() == 0


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
async def test_the_writer_has_the_configured_durability(
    path: Path, writer: WriterProbe, durability: Any, synchronous: int
) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": synchronous,
        "foreign_keys": 1,
        "secure_delete": 1,
        "auto_vacuum": 2,
        "temp_store": 2,
        "busy_timeout": 0,  # except in `begin_immediate`; see the tests of another program
    }
    async with open_store(path, clock=clock, durability=durability, writer_factory=writer):
        assert {name: await writer.execute(f"PRAGMA {name}") for name in expected} == expected
