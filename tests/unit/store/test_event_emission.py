"""Events of a write are published after its commit, in order, once, and only if it was stored."""

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


def emit_and_break_commit(tx: Tx, number: int) -> None:
    """Refer to a missing row, which SQLite detects in the COMMIT of the whole batch."""
    emit(tx, number)
    tx.run("PRAGMA defer_foreign_keys = ON")
    tx.run("INSERT INTO sessions (id, bot_id, activity, created_at, updated_at, last_message_at)"
           " VALUES ('s', 'nobody', 1, '', '', '')")  # fmt: skip


@pytest.fixture
def events() -> list[Emitted]:
    return []


def numbers(events: list[Emitted]) -> list[int]:
    return [event.data.memory_id for event in events if isinstance(event.data, MemoryDeleted)]


@pytest.fixture(params=["write", "write_inline"])
def method(request: pytest.FixtureRequest) -> str:
    """Return the store's method that writes."""
    return str(request.param)


async def write_all(store: Store, writes: list[tuple[object, int]], method: str) -> None:
    """Run all writes in one batch, behind a blocked writer."""
    released = threading.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.write, lambda tx: released.wait())
        await anyio.lowlevel.checkpoint()
        for query, number in writes:
            tasks.start_soon(_write, getattr(store, method), query, number)
        while store.queue_depth < len(writes):
            await anyio.lowlevel.checkpoint()
        released.set()


async def _write(write: Any, query: object, number: int) -> None:
    with suppress(Exception):  # the tests look at the events only
        await write(query, number)


async def test_events_are_published_in_commit_order(tmp_path: Path, events: list[Emitted], method: str) -> None:
    clock = HandClock()
    async with open_store(tmp_path / "data" / "s.db", clock=clock.wall) as store:
        store.on_commit(events.extend)
        await write_all(store, [(emit, number) for number in range(5)], method)
        assert events == [
            Emitted("memory.deleted", None, None, "b", clock.at, MemoryDeleted(memory_id=number)) for number in range(5)
        ]


async def test_an_undone_write_publishes_nothing(tmp_path: Path, events: list[Emitted], method: str) -> None:
    async with open_store(tmp_path / "data" / "s.db", clock=HandClock().wall) as store:
        store.on_commit(events.extend)
        await write_all(store, [(emit, 1), (emit_and_fail, 2), (emit, 3)], method)
        assert numbers(events) == [1, 3]


async def test_a_repeated_batch_publishes_each_event_once(tmp_path: Path, events: list[Emitted], method: str) -> None:
    runs: list[int] = []

    def note_and_emit(tx: Tx, number: int) -> None:
        runs.append(number)
        emit(tx, number)

    async with open_store(tmp_path / "data" / "s.db", clock=HandClock().wall) as store:
        store.on_commit(events.extend)
        await write_all(store, [(note_and_emit, 1), (emit_and_break_commit, 2), (note_and_emit, 3)], method)
    assert runs == [1, 3, 1, 3, 1, 3]  # without savepoints, with savepoints, and one by one
    assert numbers(events) == [1, 3]
