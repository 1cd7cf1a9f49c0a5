"""Waiting writes share one commit, and a write that fails undoes only itself."""

import sqlite3
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from segue.errors import Conflict, Overloaded, StorageError
from segue.store.engine.tx import Tx
from segue.store.store import Store, open_store
from tests.socket.store.harness import (
    BlockedWriter,
    Blocker,
    WriterProbe,
    add,
    add_and_fail,
    adding,
    clock,
    notes,
    run_loop,
    start,
    wait_for,
    write_together,
)
from tests.support.clock import START_MS
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio


async def test_writes_that_wait_together_share_one_commit(store: Store, writer: WriterProbe, inline: bool) -> None:
    statements = await writer.trace()
    ids = await write_together(store, *(adding(str(number)) for number in range(50)), inline=inline)
    assert ids == list(range(1, 51))
    assert statements.count("COMMIT") == 2  # one for the blocked write, one for the fifty
    assert "SAVEPOINT one" not in statements
    assert await store.read(notes) == [str(number) for number in range(50)]


async def test_a_batch_waits_some_turns_of_the_loop_for_as_many_writes_as_the_last_one_had(store: Store) -> None:
    before = store.commit_count
    for write in [store.queue(add, text) for text in "abc"]:
        await write
    assert store.commit_count == before + 1
    later = []
    for text in "def":
        later.append(store.queue(add, text))
        await anyio.lowlevel.checkpoint()
    for write in later:
        await write
    assert store.commit_count == before + 2
    for text in "gh":  # The first waits for others in vain, the second does not wait.
        await store.queue(add, text)
    assert store.commit_count == before + 4
    assert await store.read(notes) == list("abcdefgh")


async def test_no_write_is_answered_before_the_commit(store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        blocked = BlockedWriter(store, tasks)
        last = Blocker()
        await blocked.block()
        await blocked.queue(adding("first"), last)
        blocked.release()
        await wait_for(last.started)
        await run_loop()
        assert blocked.outcomes == [None, None]
        assert await store.read(notes) == []
        last.release()
    assert blocked.outcomes == [1, None]
    assert await store.read(notes) == ["first"]


async def test_a_long_write_shares_no_transaction_and_takes_turns_with_those_that_wait(
    store: Store, writer: WriterProbe
) -> None:
    statements = await writer.trace()
    first = Blocker()
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            blocked = BlockedWriter(store, tasks)
            await blocked.block()
            for name in ("index", "import", "count"):
                tasks.start_soon(store.write_long, adding(name))
            await run_loop()
            assert store.queue_depth == 1
            await blocked.queue(adding("message"), first)
            blocked.release()
            await wait_for(first.started)
            await blocked.queue(adding("later"))
            first.release()
    stored = "; ".join(line.split("'")[1] if "INSERT" in line else line for line in statements if "PRAGMA" not in line)
    assert [one.removeprefix("; BEGIN IMMEDIATE; ").strip("; ") for one in stored.split("COMMIT")[1:-1]] == [
        "index", "message", "import", "later", "count",
    ]  # fmt: skip


async def test_a_failed_write_undoes_only_itself(store: Store, writer: WriterProbe, inline: bool) -> None:
    statements = await writer.trace()
    outcomes = await write_together(
        store, adding("a"), lambda tx: add_and_fail(tx, "b"), adding("c"), adding("a"), inline=inline
    )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[2] == 2
    assert isinstance(outcomes[3], sqlite3.IntegrityError)
    assert statements.count("COMMIT") == 2
    assert await store.read(notes) == ["a", "c"]


async def test_an_error_before_any_change_repeats_no_other_write(
    store: Store, writer: WriterProbe, inline: bool
) -> None:
    def refuse(tx: Tx) -> None:
        raise Conflict("not now", reason="last_id")

    statements = await writer.trace()
    outcomes = await write_together(store, adding("a"), refuse, adding("b"), inline=inline)
    assert (outcomes[0], outcomes[2]) == (1, 2)
    assert isinstance(outcomes[1], Conflict)
    assert "SAVEPOINT one" not in statements
    assert "ROLLBACK" not in statements


async def test_a_single_write_that_fails_after_a_change_leaves_nothing(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: add_and_fail(tx, "b"))
    await store.write(adding("a"))
    assert await store.read(notes) == ["a"]


async def test_a_bug_in_a_query_reaches_only_its_caller(store: Store, inline: bool) -> None:
    outcomes = await write_together(store, adding("a"), lambda tx: 1 // 0, adding("b"), inline=inline)
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert outcomes[2] == 2
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda tx: 1 // 0)
    assert await store.read(notes) == ["a", "b"]


async def test_an_error_that_a_future_rejects_reaches_its_caller(store: Store, inline: bool) -> None:
    def stop(tx: Tx) -> None:
        raise StopIteration

    outcomes = await write_together(store, adding("a"), stop, adding("b"), inline=inline)
    assert (outcomes[0], outcomes[2]) == (1, 2)
    assert isinstance(outcomes[1], RuntimeError)
    assert await store.write(adding("c")) == 3


def break_commit(tx: Tx) -> None:
    """Refer to a missing row, which SQLite detects in COMMIT."""
    tx.run("PRAGMA defer_foreign_keys = ON")
    tx.run(
        "INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)"
        " VALUES ('none', 1, 1, 1, '', '')"
    )


async def test_a_write_that_fails_the_commit_is_the_only_one_undone(
    store: Store, writer: WriterProbe, inline: bool
) -> None:
    outcomes = await write_together(store, adding("a"), break_commit, adding("b"), inline=inline)
    assert isinstance(outcomes[1], sqlite3.IntegrityError)
    assert await store.read(notes) == ["a", "b"]
    assert await store.read(lambda tx: tx.run("SELECT count(*) FROM summaries").fetchone()[0]) == 0
    assert [outcomes[0], outcomes[2]] == [1, 2]
    assert not writer.in_transaction


async def test_a_full_disk_fails_only_the_write_that_does_not_fit(
    store: Store, writer: WriterProbe, inline: bool
) -> None:
    pages = await writer.execute("PRAGMA max_page_count = 1")  # SQLite keeps at least the current count.
    await writer.execute(f"PRAGMA max_page_count = {pages + 4}")
    outcomes = await write_together(store, adding("a"), adding("x" * 1_000_000), adding("b"), inline=inline)
    assert isinstance(outcomes[1], StorageError)
    assert outcomes[1].data == {"reason": "full"}
    assert await store.read(notes) == ["a", "b"]
    with pytest.raises(StorageError) as caught:
        await store.write(add, "y" * 1_000_000)
    assert caught.value.data == {"reason": "full"}
    await writer.execute("PRAGMA max_page_count = 1000000")
    await store.write(add, "x" * 1_000_000)
    assert [len(text) for text in await store.read(notes)] == [1, 1, 1_000_000]
    assert await store.read(lambda tx: tx.run("PRAGMA integrity_check").fetchall()) == [("ok",)]


async def test_writes_over_the_queue_limit_are_refused_and_the_waiting_ones_stored(path: Path) -> None:
    async with open_store(path, clock=clock, queue_limit=3) as store:
        async with anyio.create_task_group() as tasks:
            blocked = BlockedWriter(store, tasks)
            await blocked.block()
            await blocked.queue(adding("1"), adding("2"), adding("3"))
            with pytest.raises(Overloaded):
                await store.write(add, "4")
            assert store.queue_depth == 3
            blocked.release()
        assert blocked.outcomes == [1, 2, 3]
        assert await store.write(add, "5") == 4
        assert await store.read(notes) == ["1", "2", "3", "5"]


async def test_a_canceled_caller_does_not_undo_its_waiting_write(store: Store, writer: WriterProbe) -> None:
    async with anyio.create_task_group() as tasks:
        blocked = BlockedWriter(store, tasks)
        await blocked.block()
        await blocked.queue(adding("before"))
        canceled = await start(store.write(add, "canceled"))
        assert store.queue_depth == 2
        canceled.cancel()
        await blocked.queue(adding("after"))
        blocked.release()
    assert canceled.cancelled()
    assert blocked.outcomes == [1, 3]
    assert await store.read(notes) == ["before", "canceled", "after"]
    assert not writer.in_transaction


async def test_a_canceled_caller_does_not_interrupt_its_running_write(store: Store, writer: WriterProbe) -> None:
    blocker = Blocker()

    def write_slowly(tx: Tx) -> None:
        add(tx, "first half")
        blocker(tx)
        add(tx, "second half")

    canceled = await start(store.write(write_slowly))
    await wait_for(blocker.started)
    canceled.cancel()
    await run_loop()
    assert canceled.cancelled()
    blocker.release()
    await store.write(add, "next")
    assert await store.read(notes) == ["first half", "second half", "next"]
    assert not writer.in_transaction


async def test_a_transaction_has_one_time(store: Store) -> None:
    assert await store.write(lambda tx: (tx.now, tx.at)) == (START_MS, "2026-11-21T14:30:00.123Z")
    assert await store.read(lambda tx: tx.now) == START_MS
