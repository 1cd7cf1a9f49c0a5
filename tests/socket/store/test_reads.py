"""Reads run concurrently with each other and with the writer, each on a consistent state."""

import math
import threading

import anyio
import pytest

from segue.errors import Overloaded, StorageError
from segue.store.engine.inline_limit import INLINE_SECONDS
from segue.store.engine.transactions import BUSY_MS
from segue.store.engine.tx import Tx
from segue.store.store import NEW_READERS, READERS, Store
from tests.socket.store.harness import (
    BlockedWriter,
    Blocker,
    WriterProbe,
    add,
    adding,
    notes,
    run_loop,
    start,
    thread,
    wait_for,
)
from tests.support.clock import HandClock
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio


async def test_a_canceled_read_leaves_its_connection_to_the_next(store: Store) -> None:
    for _ in range(READERS * 2):
        blocker = Blocker()
        canceled = await start(store.read(blocker))
        await wait_for(blocker.started)
        canceled.cancel()
        await run_loop()
        assert canceled.cancelled()
        blocker.release()
    await store.write(add, "visible")
    for _ in range(READERS * 2):
        assert await store.read(notes) == ["visible"]
    assert store.read_status().running == 0


async def test_reads_continue_while_the_writer_is_blocked(store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        blocked = BlockedWriter(store, tasks)
        await blocked.block()
        for _ in range(10):
            assert await store.read(notes) == []
        blocked.release()


async def test_a_write_continues_while_all_readers_are_blocked(store: Store) -> None:
    blockers = [Blocker() for _ in range(READERS)]
    async with anyio.create_task_group() as tasks:
        for blocker in blockers:
            tasks.start_soon(store.read, blocker)
            await wait_for(blocker.started)
        assert await store.write(add, "meanwhile") == 1
        for blocker in blockers:
            blocker.release()


async def test_as_many_reads_run_concurrently_as_there_are_readers(store: Store) -> None:
    barrier = threading.Barrier(READERS)
    async with anyio.create_task_group() as tasks:
        for _ in range(READERS):
            tasks.start_soon(store.read, lambda tx: barrier.wait(TIMEOUT_SECONDS))


async def test_a_read_sees_every_write_that_was_answered(store: Store) -> None:
    async def write_and_read(name: str) -> None:
        for number in range(50):
            await store.write(add, f"{name} {number}")
            assert f"{name} {number}" in await store.read(notes)

    async with anyio.create_task_group() as tasks:
        for name in ("a", "b", "c", "d"):
            tasks.start_soon(write_and_read, name)


async def test_a_read_sees_one_state_from_its_first_statement_to_its_last(store: Store) -> None:
    blocker = Blocker()

    def read_twice(tx: Tx) -> tuple[list[str], list[str]]:
        first = notes(tx)
        blocker(tx)
        return first, notes(tx)

    reading = await start(store.read(read_twice))
    await wait_for(blocker.started)
    await store.write(add, "between")
    blocker.release()
    assert await reading == ([], [])


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StorageError) as caught:
        await store.read(add, "x")
    assert caught.value.data == {"reason": "read_only"}
    assert await store.read(notes) == []


async def test_long_reads_on_new_connections_do_not_delay_other_reads(store: Store) -> None:
    await store.write(add, "seen")
    blockers = [Blocker() for _ in range(NEW_READERS)]
    assert len(blockers) > READERS
    one_more = Blocker()
    async with anyio.create_task_group() as tasks:
        for blocker in blockers:
            tasks.start_soon(store.read_on_new_connection, blocker)
            await wait_for(blocker.started)
        tasks.start_soon(store.read_on_new_connection, one_more)
        assert await store.read(notes) == ["seen"]
        assert not one_more.started.is_set()
        for blocker in [*blockers, one_more]:
            blocker.release()


async def test_the_end_of_each_batch_of_writes_is_reported_once(store: Store) -> None:
    seen: list[int] = []
    store.on_batch_end(lambda: seen.append(store.commit_count))
    before = store.commit_count
    await store.read(notes)
    assert seen == []
    await store.write(add, "a")
    await store.write(add, "b")
    assert seen == [before + 1, before + 2]


async def test_an_inline_read_runs_on_the_loop_and_sees_every_answered_write(store: Store) -> None:
    await store.write(adding("a"))
    assert await store.read_inline(thread) == threading.get_ident()
    assert await store.read_inline(notes) == ["a"]


async def test_an_inline_read_runs_on_a_thread_after_a_slow_one(store: Store, timer: HandClock) -> None:
    def read_slowly(tx: Tx) -> None:
        timer.pass_time(math.ceil(INLINE_SECONDS * 1000))

    await store.read_inline(read_slowly)
    assert await store.read_inline(thread) != threading.get_ident()


async def test_an_inline_read_leaves_the_wait_for_another_program_to_a_thread(store: Store) -> None:
    loop = threading.get_ident()

    def is_busy(tx: Tx) -> int:
        if threading.get_ident() == loop:
            assert tx.run("PRAGMA busy_timeout").fetchone() == (0,)
            raise Overloaded("another program holds the database; try again")
        assert tx.run("PRAGMA busy_timeout").fetchone() == (BUSY_MS,)
        return threading.get_ident()

    assert await store.read_inline(is_busy) != loop


async def test_an_error_of_an_inline_read_reaches_its_caller(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await store.read_inline(lambda tx: 1 // 0)
    assert await store.read_inline(notes) == []


async def test_an_inline_read_uses_no_connection_on_which_a_canceled_read_still_runs(store: Store) -> None:
    await store.write(add, "stored")
    blocker = Blocker()
    canceled = await start(store.read(blocker))
    await wait_for(blocker.started)
    canceled.cancel()
    await run_loop()
    for _ in range(2):
        assert await store.read_inline(notes) == ["stored"]
        assert await store.read(notes) == ["stored"]
    assert await store.read_inline(thread) == threading.get_ident()
    blocker.release()


async def test_caches_are_freed_but_not_of_a_writer_at_work(store: Store, writer: WriterProbe) -> None:
    statements = await writer.trace()
    freed: list[str] = []
    for reader in store._readers:
        await reader.call(reader.raw.set_trace_callback, freed.append)
    async with anyio.create_task_group() as tasks:
        blocked = BlockedWriter(store, tasks)
        await blocked.block()
        await store.free_caches()
        assert statements.count("PRAGMA shrink_memory") == 0
        blocked.release()
    assert await store.write(add, "stored") == 1
    assert freed.count("PRAGMA shrink_memory") == READERS
    await store.free_caches()
    assert statements.count("PRAGMA shrink_memory") == 1
    assert await store.read(notes) == ["stored"]


async def test_caches_are_freed_after_a_canceled_read_has_ended(store: Store) -> None:
    blocker = Blocker()
    canceled = await start(store.read(blocker))
    await wait_for(blocker.started)
    canceled.cancel()
    await run_loop()
    freeing = await start(store.free_caches())
    await run_loop()
    assert not freeing.done()
    blocker.release()
    await freeing
