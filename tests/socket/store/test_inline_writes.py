"""Small writes run their statements on the event loop's thread, and only their commit on the writer thread."""

import math
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from segue.errors import StorageError
from segue.store.engine import transactions
from segue.store.engine.inline_limit import INLINE_SECONDS, MAX_INLINE_WRITES, InlineCommitLimit
from segue.store.engine.tx import Tx
from segue.store.store import Store, open_store
from tests.socket.store.harness import (
    BlockedWriter,
    Blocker,
    WriterProbe,
    add,
    adding,
    clock,
    notes,
    other_program,
    run_loop,
    start,
    thread,
    wait_for,
    write_together,
)
from tests.support.clock import HandClock
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio


async def test_inline_writes_run_on_the_loop_and_commit_there_while_the_disk_is_quick(
    store: Store, writer: WriterProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = {"COMMIT": 0}

    def note(statement: str) -> None:
        threads[statement] = threading.get_ident()

    await writer.connection.call(writer.connection.raw.set_trace_callback, note)
    assert await store.write_inline(thread) == threading.get_ident()
    assert threads["COMMIT"] == await writer.thread()
    assert await store.write(thread) == await writer.thread()
    monkeypatch.setattr(InlineCommitLimit, "allows", lambda self: True)
    assert await store.write_inline(thread) == threading.get_ident() == threads["COMMIT"]


async def test_one_write_that_is_not_inline_moves_the_batch_to_the_writer_thread(
    store: Store, writer: WriterProbe
) -> None:
    async with anyio.create_task_group() as tasks:
        blocked = BlockedWriter(store, tasks)
        await blocked.block()
        await blocked.queue(thread)
        beside = await start(store.write_inline(thread))
        blocked.release()
    assert [*blocked.outcomes, await beside] == [await writer.thread()] * 2


async def test_a_batch_over_the_inline_limit_runs_on_the_writer_thread(store: Store, writer: WriterProbe) -> None:
    loop = threading.get_ident()
    for count, expected in ((MAX_INLINE_WRITES, loop), (MAX_INLINE_WRITES + 1, await writer.thread())):
        found = await write_together(store, *[thread] * count, inline=True)
        assert found == [expected] * count


@pytest.fixture
def use_up_time(timer: HandClock) -> Callable[[Tx], int]:
    """Return a write that takes longer than a batch may inline, and returns its thread."""

    def use_up_time(tx: Tx) -> int:
        timer.pass_time(math.ceil(INLINE_SECONDS * 1000))
        return threading.get_ident()

    return use_up_time


async def test_after_a_slow_batch_the_next_one_runs_on_the_writer_thread(
    store: Store, writer: WriterProbe, use_up_time: Callable[[Tx], int]
) -> None:
    assert await store.write_inline(use_up_time) == threading.get_ident()
    assert await store.write_inline(thread) == await writer.thread()


async def test_a_batch_that_runs_out_of_time_runs_once_on_the_writer_thread(
    store: Store, writer: WriterProbe, use_up_time: Callable[[Tx], int]
) -> None:
    def add_slowly(tx: Tx) -> int:
        add(tx, "slow")
        return use_up_time(tx)

    outcomes = await write_together(store, adding("before"), add_slowly, adding("behind"), inline=True)
    assert outcomes == [1, await writer.thread(), 3]
    assert await store.read(notes) == ["before", "slow", "behind"]


def move(old: Path, new: Path) -> None:
    old.rename(new)


async def test_an_inline_write_is_refused_if_its_file_is_moved_before_the_commit(
    store: Store, writer: WriterProbe, path: Path
) -> None:
    blocker = Blocker()
    elsewhere = path.with_name("elsewhere.db")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.connection.call, blocker)
        await wait_for(blocker.started)
        written = await start(store.write_inline(adding("lost")))
        move(path, elsewhere)
        blocker.release()
    for late in (written, store.write(adding("lost as well"))):
        with pytest.raises(StorageError) as caught:
            await late
        assert caught.value.data["reason"] == "io"
    move(elsewhere, path)


async def test_an_inline_write_is_not_answered_or_visible_before_its_commit(store: Store, writer: WriterProbe) -> None:
    blocker = Blocker()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.connection.call, blocker)
        await wait_for(blocker.started)
        written = await start(store.write_inline(adding("inline")))
        await run_loop()
        assert not written.done()
        assert await store.read(notes) == []
        blocker.release()
    assert await written == 1
    assert await store.read(notes) == ["inline"]


async def test_an_inline_write_does_not_block_the_loop_while_another_program_holds_the_database(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "BUSY_MS", 30_000)
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(path, clock=clock) as store:
            with other_program(path, "BEGIN IMMEDIATE"):
                written = await start(store.write_inline(adding("late")))
                await run_loop()
                assert not written.done()
                assert await store.read(notes) == []
            assert await written == 1
            assert await store.read(notes) == ["late"]
