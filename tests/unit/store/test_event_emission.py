"""What a transaction did is told once it is committed, in order, once, and only if it was done."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.errors import NotFound
from segue.events import Emitted, MemoryDeleted
from segue.store.engine.tx import Tx
from segue.store.store import Store, open_store
from tests.support.clock import HandClock


def emit(tx: Tx, number: int) -> None:
    tx.emit("memory.deleted", MemoryDeleted(memory_id=number), session_id=None, working_dir=None, bot_id="b")


def emit_and_fail(tx: Tx, number: int) -> None:
    emit(tx, number)
    raise NotFound("memory", number)


def emit_and_break_the_commit(tx: Tx, number: int) -> None:
    """Leave a reference to nothing: SQLite notices at the COMMIT of all who share the transaction."""
    emit(tx, number)
    tx.run("PRAGMA defer_foreign_keys = ON")
    tx.run("INSERT INTO sessions (id, bot_id, activity, created_at, updated_at, last_message_at)"
           " VALUES ('s', 'nobody', 1, '', '', '')")  # fmt: skip


@pytest.fixture
def told() -> list[Emitted]:
    return []


def numbers(told: list[Emitted]) -> list[int]:
    return [one.data.memory_id for one in told if isinstance(one.data, MemoryDeleted)]


@pytest.fixture(params=["write", "write_inline"])
def way(request: pytest.FixtureRequest) -> str:
    """How the store is asked to write."""
    return str(request.param)


async def write_all(store: Store, several: list[tuple[object, int]], way: str) -> None:
    """All while another one holds the writer, so that they share a transaction."""
    held = threading.Event()
    first = store.writes.put(lambda tx: held.wait(), brief=False)
    async with anyio.create_task_group() as tasks:
        for query, number in several:
            tasks.start_soon(_write, getattr(store, way), query, number)
        while len(store.writes) < len(several):
            await anyio.lowlevel.checkpoint()
        held.set()
    assert await first


async def _write(write: Any, query: object, number: int) -> None:
    with suppress(Exception):  # what fails is not what is looked at
        await write(query, number)


async def test_what_a_query_did_is_told_in_the_order_of_the_commits(
    tmp_path: Path, told: list[Emitted], way: str
) -> None:
    clock = HandClock()
    async with open_store(tmp_path / "data" / "s.db", clock=clock.wall) as store:
        store.writes.publish = told.extend
        await write_all(store, [(emit, number) for number in range(5)], way)
        assert told == [
            Emitted("memory.deleted", None, None, "b", clock.at, MemoryDeleted(memory_id=number)) for number in range(5)
        ]


async def test_what_was_undone_is_not_told(tmp_path: Path, told: list[Emitted], way: str) -> None:
    async with open_store(tmp_path / "data" / "s.db", clock=HandClock().wall) as store:
        store.writes.publish = told.extend
        await write_all(store, [(emit, 1), (emit_and_fail, 2), (emit, 3)], way)
        assert numbers(told) == [1, 3]


async def test_a_batch_that_is_tried_again_tells_nothing_twice(tmp_path: Path, told: list[Emitted], way: str) -> None:
    runs: list[int] = []

    def note_and_emit(tx: Tx, number: int) -> None:
        runs.append(number)
        emit(tx, number)

    async with open_store(tmp_path / "data" / "s.db", clock=HandClock().wall) as store:
        store.writes.publish = told.extend
        await write_all(store, [(note_and_emit, 1), (emit_and_break_the_commit, 2), (note_and_emit, 3)], way)
    assert runs == [1, 3, 1, 3, 1, 3]  # together, with savepoints, and at last one by one
    assert numbers(told) == [1, 3]
