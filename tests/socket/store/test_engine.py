"""The store's engine by itself: one writer for everybody, readers beside it, and every way in which a disk fails."""

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.errors import Conflict, Overloaded, ShuttingDown, StartError, StorageError
from segue.store import store as engine
from segue.store.engine import connection as connections
from segue.store.engine.commit_recovery import overwrite
from segue.store.engine.tx import Tx
from segue.store.engine.write_queue import BRIEF_AT_ONCE, LONG_SECONDS, REST_SECONDS
from segue.store.store import Store, open_store
from tests.support.clock import START_MS
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio


def clock() -> int:
    return START_MS


def worker_threads() -> int:
    return sum("_connection_worker_thread" in thread.name for thread in threading.enumerate())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """An open store with one table of notes."""
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(path, clock=clock) as store:
            await store.write(make_notes)
            yield store
    assert worker_threads() == 0


def make_notes(tx: Tx) -> None:
    tx.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")


def add(tx: Tx, text: str) -> int:
    return int(tx.run("INSERT INTO notes (text) VALUES (:text)", text=text).lastrowid or 0)


def add_and_fail(tx: Tx, text: str) -> None:
    add(tx, text)
    raise Conflict("on purpose", reason="exists")


def notes(tx: Tx) -> list[str]:
    return [text for (text,) in tx.run("SELECT text FROM notes ORDER BY id")]


async def happened(event: threading.Event) -> None:
    """Return when the event is set."""
    assert await anyio.to_thread.run_sync(event.wait, TIMEOUT_SECONDS)


class Blocker:
    """A write that holds the writer's thread until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.begun.set()
        assert self.go_on.wait(TIMEOUT_SECONDS)


class Writers:
    """Writes that are waiting together behind a blocked writer, and what became of each."""

    def __init__(self, store: Store, tasks: anyio.abc.TaskGroup, *, brief: bool = False) -> None:
        self.outcomes: list[Any] = []
        self._store = store
        self._tasks = tasks
        self._brief = brief
        self._blocker = Blocker()

    async def block(self) -> None:
        """Return when the writer's thread is held."""
        self._tasks.start_soon(self._store.write, self._blocker)
        await happened(self._blocker.begun)

    async def queue(self, *queries: Callable[[Tx], Any]) -> None:
        """Return when all these wait, in this order."""
        for query in queries:
            waiting = len(self._store.writes)
            self.outcomes.append(None)
            self._tasks.start_soon(self._write, len(self.outcomes) - 1, query)
            while len(self._store.writes) == waiting:
                await anyio.lowlevel.checkpoint()

    def release(self) -> None:
        self._blocker.go_on.set()

    async def _write(self, index: int, query: Callable[[Tx], Any]) -> None:
        try:
            write = self._store.write_inline if self._brief else self._store.write
            self.outcomes[index] = await write(query)
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            self.outcomes[index] = error


@pytest.fixture(params=[False, True], ids=["on its thread", "brief"])
def brief(request: pytest.FixtureRequest) -> bool:
    """Whether the store is told that the writes are brief."""
    return bool(request.param)


async def write_together(store: Store, *queries: Callable[[Tx], Any], brief: bool = False) -> list[Any]:
    """The results and errors of writes that one transaction took up."""
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            writers = Writers(store, tasks, brief=brief)
            await writers.block()
            await writers.queue(*queries)
            writers.release()
    return writers.outcomes


async def trace(store: Store) -> list[str]:
    """From now on, every statement of the writer."""
    statements: list[str] = []
    await store._writer.call(store._writer.raw.set_trace_callback, statements.append)
    return statements


def adding(text: str) -> Callable[[Tx], int]:
    return lambda tx: add(tx, text)


async def test_writes_that_wait_together_share_one_commit(store: Store, brief: bool) -> None:
    statements = await trace(store)
    ids = await write_together(store, *(adding(str(number)) for number in range(50)), brief=brief)
    assert ids == list(range(1, 51))
    assert statements.count("COMMIT") == 2  # one for the write that was blocked, one for the fifty
    assert "SAVEPOINT one" not in statements
    assert await store.read(notes) == [str(number) for number in range(50)]


async def test_nobody_is_answered_before_the_commit(store: Store, path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        writers = Writers(store, tasks)
        held = Blocker()
        await writers.block()
        await writers.queue(adding("first"), held)
        writers.release()
        await happened(held.begun)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert writers.outcomes == [None, None]
        assert await store.read(notes) == []
        held.go_on.set()
    assert writers.outcomes == [1, None]
    assert await store.read(notes) == ["first"]


async def test_brief_writes_run_on_the_loops_thread_and_are_committed_on_the_connections(store: Store) -> None:
    threads = {"COMMIT": 0}

    def note(statement: str) -> None:
        threads[statement] = threading.get_ident()

    writer = await store._writer.call(threading.get_ident)
    await store._writer.call(store._writer.raw.set_trace_callback, note)
    assert await store.write_inline(lambda tx: threading.get_ident()) == threading.get_ident()
    assert threads["COMMIT"] == writer
    assert await store.write(lambda tx: threading.get_ident()) == writer


async def test_a_brief_write_beside_one_that_is_not_waits_on_the_connections_thread_with_it(store: Store) -> None:
    writer = await store._writer.call(threading.get_ident)
    async with anyio.create_task_group() as tasks:
        writers = Writers(store, tasks)
        await writers.block()
        await writers.queue(lambda tx: threading.get_ident())
        beside = store.writes.put(lambda tx: threading.get_ident(), brief=True)
        writers.release()
    assert [*writers.outcomes, await beside] == [writer, writer]


async def test_more_brief_writes_than_the_loop_may_be_kept_for_run_on_the_connections_thread(store: Store) -> None:
    writer, loop = await store._writer.call(threading.get_ident), threading.get_ident()
    for count, expected in ((BRIEF_AT_ONCE, loop), (BRIEF_AT_ONCE + 1, writer)):
        found = await write_together(store, *[lambda tx: threading.get_ident()] * count, brief=True)
        assert found == [expected] * count


def move(path: Path, name: str) -> None:
    path.rename(path.with_name(name))


def dawdle(tx: Tx) -> int:
    """Take longer than brief writes may, and tell on which thread."""
    end = time.monotonic() + LONG_SECONDS
    while time.monotonic() <= end:
        pass
    return threading.get_ident()


async def test_a_write_that_was_not_brief_keeps_the_next_ones_from_the_loop_ever_longer(store: Store) -> None:
    writer, loop = await store._writer.call(threading.get_ident), threading.get_ident()
    for times in (2, 4, 8):
        assert await store.write_inline(dawdle) == loop
        assert await store.write_inline(dawdle) == writer
        assert store.writes._rest == times * REST_SECONDS
        store.writes._rests_until = 0.0  # when it has rested
    assert await store.write_inline(lambda tx: threading.get_ident()) == loop
    assert store.writes._rest == REST_SECONDS


async def test_brief_writes_behind_one_that_is_not_are_done_on_the_connections_thread_and_once(store: Store) -> None:
    def add_slowly(tx: Tx) -> int:
        add(tx, "slow")
        return dawdle(tx)

    writer = await store._writer.call(threading.get_ident)
    outcomes = await write_together(store, adding("before"), add_slowly, adding("behind"), brief=True)
    assert outcomes == [1, writer, 3]
    assert await store.read(notes) == ["before", "slow", "behind"]


async def test_a_brief_write_whose_file_is_gone_before_its_commit_is_not_answered_as_stored(
    store: Store, path: Path
) -> None:
    blocker = Blocker()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(store._writer.call, blocker, None))  # type: ignore[arg-type]
        await happened(blocker.begun)
        written = store.writes.put(adding("lost"), brief=True)
        move(path, "elsewhere.db")
        blocker.go_on.set()
    for late in (written, store.write(adding("lost as well"))):
        with pytest.raises(StorageError) as caught:
            await late
        assert caught.value.data["reason"] == "io"
    move(path.with_name("elsewhere.db"), path.name)


async def test_an_error_that_no_future_takes_reaches_its_caller_all_the_same(store: Store, brief: bool) -> None:
    def stop(tx: Tx) -> None:
        raise StopIteration

    outcomes = await write_together(store, adding("a"), stop, adding("b"), brief=brief)
    assert (outcomes[0], outcomes[2]) == (1, 2)
    assert isinstance(outcomes[1], RuntimeError)
    assert await store.write(adding("c")) == 3


async def test_a_brief_write_is_not_answered_and_not_seen_before_its_commit(store: Store) -> None:
    blocker = Blocker()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(store._writer.call, blocker, None))  # type: ignore[arg-type]
        await happened(blocker.begun)
        written = store.writes.put(adding("brief"), brief=True)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert not written.done()
        assert await store.read(notes) == []
        blocker.go_on.set()
    assert await written == 1
    assert await store.read(notes) == ["brief"]


async def test_a_write_waits_for_another_program_to_let_go_of_the_database(store: Store, path: Path) -> None:
    with other_program(path, "BEGIN IMMEDIATE") as other:
        written = store.writes.put(adding("patient"), brief=False)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert not written.done()
        other.execute("COMMIT")
        assert await written == 1


async def test_what_overwrites_a_commit_in_doubt_waits_for_another_program_as_well(store: Store, path: Path) -> None:
    begun = threading.Event()
    found: list[object] = []
    raw = store._writer.raw
    raw.set_trace_callback(lambda statement: begun.set() if statement == "BEGIN IMMEDIATE" else None)

    async def settle_doubt() -> None:
        found.append(await store._writer.call(overwrite, raw))

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            with other_program(path, "BEGIN IMMEDIATE"):
                tasks.start_soon(settle_doubt)
                await happened(begun)
                for _ in range(50):
                    await store.read(notes)
                assert found == []
    assert found == [None]


async def test_a_brief_write_does_not_keep_the_loop_while_another_program_holds_the_database(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_MS", 30_000)
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(path, clock=clock) as store:
            await store.write(make_notes)
            with other_program(path, "BEGIN IMMEDIATE"):
                written = store.writes.put(adding("late"), brief=True)
                for _ in range(50):
                    await anyio.lowlevel.checkpoint()
                assert not written.done()
                assert await store.read(notes) == []
            assert await written == 1
            assert await store.read(notes) == ["late"]


async def test_a_write_that_fails_undoes_only_itself(store: Store, brief: bool) -> None:
    statements = await trace(store)
    outcomes = await write_together(
        store, adding("a"), lambda tx: add_and_fail(tx, "b"), adding("c"), adding("a"), brief=brief
    )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[2] == 2
    assert isinstance(outcomes[3], sqlite3.IntegrityError)
    assert statements.count("COMMIT") == 2
    assert await store.read(notes) == ["a", "c"]


async def test_an_error_before_any_change_costs_the_others_no_second_try(store: Store, brief: bool) -> None:
    def refuse(tx: Tx) -> None:
        raise Conflict("not now", reason="last_id")

    statements = await trace(store)
    outcomes = await write_together(store, adding("a"), refuse, adding("b"), brief=brief)
    assert (outcomes[0], outcomes[2]) == (1, 2)
    assert isinstance(outcomes[1], Conflict)
    assert "SAVEPOINT one" not in statements
    assert "ROLLBACK" not in statements


async def test_a_write_alone_that_fails_after_a_change_leaves_nothing(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: add_and_fail(tx, "b"))
    await store.write(adding("a"))
    assert await store.read(notes) == ["a"]


async def test_a_bug_in_a_query_reaches_its_caller_and_nobody_else(store: Store, brief: bool) -> None:
    outcomes = await write_together(store, adding("a"), lambda tx: 1 // 0, adding("b"), brief=brief)
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], ZeroDivisionError)
    assert outcomes[2] == 2
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda tx: 1 // 0)
    assert await store.read(notes) == ["a", "b"]


def break_at_commit(tx: Tx) -> None:
    """Refer to a missing row, which is noticed only when the transaction ends."""
    tx.run("PRAGMA defer_foreign_keys = ON")
    tx.run(
        "INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)"
        " VALUES ('none', 1, 1, 1, '', '')"
    )


async def test_when_the_commit_itself_fails_only_the_culprit_does(store: Store, brief: bool) -> None:
    outcomes = await write_together(store, adding("a"), break_at_commit, adding("b"), brief=brief)
    assert isinstance(outcomes[1], sqlite3.IntegrityError)
    assert await store.read(notes) == ["a", "b"]
    assert await store.read(lambda tx: tx.run("SELECT count(*) FROM summaries").fetchone()[0]) == 0
    assert [outcomes[0], outcomes[2]] == [1, 2]
    assert not store._writer.raw.in_transaction


async def test_a_full_disk_fails_only_what_did_not_fit_and_is_over_when_there_is_room(
    store: Store, brief: bool
) -> None:
    def limit_to(pages: int) -> int:
        return int(store._writer.raw.execute(f"PRAGMA max_page_count = {pages}").fetchone()[0])

    pages = await store._writer.call(limit_to, 1)  # as many as there are: never less
    await store._writer.call(limit_to, pages + 4)
    outcomes = await write_together(store, adding("a"), adding("x" * 1_000_000), adding("b"), brief=brief)
    assert isinstance(outcomes[1], StorageError)
    assert outcomes[1].data == {"reason": "full"}
    assert await store.read(notes) == ["a", "b"]
    with pytest.raises(StorageError) as caught:
        await store.write(add, "y" * 1_000_000)
    assert caught.value.data == {"reason": "full"}
    await store._writer.call(limit_to, 1_000_000)
    await store.write(add, "x" * 1_000_000)
    assert [len(text) for text in await store.read(notes)] == [1, 1, 1_000_000]
    assert await store.read(lambda tx: tx.run("PRAGMA integrity_check").fetchall()) == [("ok",)]


async def test_a_caller_that_goes_away_while_it_waits_tears_nothing(store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        writers = Writers(store, tasks)
        await writers.block()
        await writers.queue(adding("before"))
        scope = anyio.CancelScope()

        async def impatient() -> None:
            with scope:
                await store.write(add, "gone")

        tasks.start_soon(impatient)
        while len(store.writes) < 2:
            await anyio.lowlevel.checkpoint()
        scope.cancel()
        await writers.queue(adding("after"))
        writers.release()
    assert scope.cancelled_caught
    assert writers.outcomes == [1, 3]
    assert await store.read(notes) == ["before", "gone", "after"]
    assert not store._writer.raw.in_transaction


async def test_a_caller_that_goes_away_while_it_is_written_tears_nothing(store: Store) -> None:
    blocker = Blocker()

    def slowly(tx: Tx) -> None:
        add(tx, "first half")
        blocker(tx)
        add(tx, "second half")

    scope = anyio.CancelScope()

    async def impatient() -> None:
        with scope:
            await store.write(slowly)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(impatient)
        await happened(blocker.begun)
        scope.cancel()
    assert scope.cancelled_caught
    blocker.go_on.set()
    await store.write(add, "next")
    assert await store.read(notes) == ["first half", "second half", "next"]
    assert not store._writer.raw.in_transaction


async def test_a_reader_that_goes_away_leaves_its_connection_to_the_next(store: Store) -> None:
    for _ in range(engine.READERS * 2):
        blocker = Blocker()
        scope = anyio.CancelScope()

        async def impatient(scope: anyio.CancelScope = scope, blocker: Blocker = blocker) -> None:
            with scope:
                await store.read(blocker)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(impatient)
            await happened(blocker.begun)
            scope.cancel()
        blocker.go_on.set()
    await store.write(add, "seen by all")
    for _ in range(engine.READERS * 2):
        assert await store.read(notes) == ["seen by all"]
    assert len(store._idle) == engine.READERS
    assert not any(reader.raw.in_transaction for reader in store._readers)


async def test_too_many_waiting_writes_are_refused_at_once_and_the_others_stored(store: Store) -> None:
    store.writes.limit = 3
    async with anyio.create_task_group() as tasks:
        writers = Writers(store, tasks)
        await writers.block()
        await writers.queue(adding("1"), adding("2"), adding("3"))
        with pytest.raises(Overloaded):
            await store.write(add, "4")
        assert len(store.writes) == 3
        writers.release()
    assert writers.outcomes == [1, 2, 3]
    assert await store.write(add, "5") == 4
    assert await store.read(notes) == ["1", "2", "3", "5"]


async def test_reads_go_on_beside_a_writer_that_is_held(store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        writers = Writers(store, tasks)
        await writers.block()
        for _ in range(10):
            assert await store.read(notes) == []
        writers.release()


async def test_a_write_goes_on_beside_readers_that_are_held(store: Store) -> None:
    blockers = [Blocker() for _ in range(engine.READERS)]
    async with anyio.create_task_group() as tasks:
        for blocker in blockers:
            tasks.start_soon(store.read, blocker)
            await happened(blocker.begun)
        assert await store.write(add, "meanwhile") == 1
        for blocker in blockers:
            blocker.go_on.set()


async def test_reads_run_at_once_as_many_as_there_are_readers(store: Store) -> None:
    barrier = threading.Barrier(engine.READERS)
    async with anyio.create_task_group() as tasks:
        for _ in range(engine.READERS):
            tasks.start_soon(store.read, lambda tx: barrier.wait(TIMEOUT_SECONDS))


async def test_every_read_sees_every_write_that_was_answered(store: Store) -> None:
    async def write_and_read(name: str) -> None:
        for number in range(50):
            await store.write(add, f"{name} {number}")
            assert f"{name} {number}" in await store.read(notes)

    async with anyio.create_task_group() as tasks:
        for name in ("a", "b", "c", "d"):
            tasks.start_soon(write_and_read, name)


async def test_a_read_sees_one_state_from_its_first_statement_to_its_last(store: Store) -> None:
    held = Blocker()

    def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
        first = notes(tx)
        held(tx)
        return first, notes(tx)

    async with anyio.create_task_group() as tasks:
        seen: list[Any] = []

        async def look() -> None:
            seen.append(await store.read(look_twice))

        tasks.start_soon(look)
        await happened(held.begun)
        await store.write(add, "between")
        held.go_on.set()
    assert seen == [([], [])]


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StorageError) as caught:
        await store.read(add, "x")
    assert caught.value.data == {"reason": "read_only"}
    assert await store.read(notes) == []


async def test_a_file_that_cannot_be_written_is_told_and_recovers(store: Store) -> None:
    await store._writer.call(store._writer.raw.execute, "PRAGMA query_only = ON")
    for text in ("a", "b"):
        with pytest.raises(StorageError) as caught:
            await store.write(add, text)
        assert caught.value.data == {"reason": "read_only"}
    await store._writer.call(store._writer.raw.execute, "PRAGMA query_only = OFF")
    assert await store.write(add, "c") == 1
    assert await store.read(notes) == ["c"]


@contextmanager
def other_program(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """A plain sqlite3 that has run the statements."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for statement in statements:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


async def test_another_program_that_holds_the_database_is_waited_for_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_MS", 100)
    async with open_store(path, clock=clock) as store:
        await store.write(make_notes)
        statements = await trace(store)
        outcomes: list[Any] = []

        async def write(number: int) -> None:
            try:
                outcomes.append(await store.write(add, str(number)))
            except Overloaded:
                outcomes.append("overloaded")

        with other_program(path, "BEGIN EXCLUSIVE"):
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(write, number)
        assert outcomes == ["overloaded"] * 20
        assert statements.count("BEGIN IMMEDIATE") == 2  # for the first, and for all that came while it waited
        assert await store.write(add, "again") == 1
        assert await store.read(notes) == ["again"]


async def test_reads_go_on_while_another_program_holds_the_database(store: Store, path: Path) -> None:
    await store.write(add, "before")
    with other_program(path, "BEGIN EXCLUSIVE"):
        assert await store.read(notes) == ["before"]


async def test_what_another_program_wrote_is_seen(store: Store, path: Path) -> None:
    with other_program(path, "INSERT INTO notes (text) VALUES ('by hand')"):
        assert await store.read(notes) == ["by hand"]
    assert await store.write(add, "by us") == 2


def damage(path: Path, table: str) -> None:
    """Overwrite the table's first page."""
    with other_program(path) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


async def test_a_damaged_page_is_told_and_everything_else_is_served(path: Path) -> None:
    async with open_store(path, clock=clock) as store:
        await store.write(make_notes)
        for number in range(20):
            await store.write(add, f"{number} " + "x" * 3000)
    damage(path, "notes")
    async with open_store(path, clock=clock) as store:
        with pytest.raises(StorageError) as caught:
            await store.read(notes)
        assert caught.value.data == {"reason": "corrupt"}
        outcomes = await write_together(
            store, adding("new"), lambda tx: tx.run("INSERT INTO daemon_state (name, value) VALUES ('a', 'b')")
        )
        assert isinstance(outcomes[0], StorageError)
        assert outcomes[0].data == {"reason": "corrupt"}
        assert await store.read(lambda tx: tx.run("SELECT value FROM daemon_state").fetchall()) == [("b",)]
        assert not store._writer.raw.in_transaction


async def test_what_waits_when_the_store_closes_is_committed_and_what_comes_later_is_refused(path: Path) -> None:
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(anyio.create_task_group())
        store = await stack.enter_async_context(open_store(path, clock=clock))
        await store.write(make_notes)
        writers = Writers(store, tasks)
        await writers.block()
        await writers.queue(adding("a"), adding("b"))
        store.writes.close()
        with pytest.raises(ShuttingDown):
            await store.write(add, "late")
        writers.release()
    assert writers.outcomes == [1, 2]
    with other_program(path) as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("a",), ("b",)]


async def test_a_store_that_is_cancelled_still_commits_what_waits(path: Path) -> None:
    outcomes: list[Any] = []
    scope = anyio.CancelScope()
    with scope:
        async with open_store(path, clock=clock) as store:
            await store.write(make_notes)
            async with anyio.create_task_group() as tasks:
                writers = Writers(store, tasks)
                outcomes = writers.outcomes
                await writers.block()
                await writers.queue(adding("a"))
                threading.Timer(0, writers.release).start()
                scope.cancel()
    assert scope.cancelled_caught
    assert outcomes == [None]
    with other_program(path) as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("a",)]
    assert worker_threads() == 0


async def test_a_read_that_takes_too_long_is_interrupted_when_the_store_closes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CLOSE_SECONDS", 0.05)
    begun = threading.Event()

    def count_for_ever(tx: Tx) -> None:
        begun.set()
        tx.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n").fetchall()

    outcomes: list[Exception] = []

    async def read(store: Store) -> None:
        try:
            await store.read(count_for_ever)
        except ShuttingDown as error:
            outcomes.append(error)

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks, open_store(path, clock=clock) as store:
            tasks.start_soon(read, store)
            await happened(begun)
    assert len(outcomes) == 1
    assert worker_threads() == 0


async def test_closing_leaves_one_file_and_no_thread(path: Path) -> None:
    async with open_store(path, clock=clock) as store:
        await store.write(make_notes)
        assert worker_threads() == 1 + engine.READERS
        assert sorted(file.name for file in path.parent.iterdir()) == [
            "sessions.db",
            "sessions.db-shm",
            "sessions.db-wal",
        ]
    assert worker_threads() == 0
    assert [file.name for file in path.parent.iterdir()] == ["sessions.db"]


async def test_a_fault_in_the_body_leaves_no_thread_either(path: Path) -> None:
    """A thread of aiosqlite's is no daemon thread: one left keeps the whole process for ever."""
    with pytest.raises(LookupError):  # noqa: PT012 - the fault is the body's
        async with open_store(path, clock=clock) as store:
            await store.write(make_notes)
            raise LookupError
    assert worker_threads() == 0


def spoil(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"no database at all" * 500)


async def test_a_store_that_cannot_be_opened_leaves_no_thread(path: Path) -> None:
    spoil(path)
    for _ in range(3):
        with pytest.raises(StartError):
            async with open_store(path, clock=clock):
                pass
        assert worker_threads() == 0


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN; SELECT * FROM notes"])
async def test_another_program_that_holds_the_database_does_not_keep_the_store_from_closing(
    path: Path, statement: str
) -> None:
    async with open_store(path, clock=clock) as store:
        await store.write(make_notes)
        await store.write(add, "kept")
        stack = AsyncExitStack()
        stack.enter_context(other_program(path, *statement.split("; ")))
    assert worker_threads() == 0
    await stack.aclose()
    async with open_store(path, clock=clock) as store:
        assert await store.read(notes) == ["kept"]


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
async def test_the_writer_is_as_durable_as_it_was_told(path: Path, durability: Any, synchronous: int) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": synchronous,
        "foreign_keys": 1,
        "secure_delete": 1,
        "auto_vacuum": 2,
        "temp_store": 2,
        "busy_timeout": 0,  # but for a BEGIN on its own thread: see the tests of other programs
    }
    async with open_store(path, clock=clock, durability=durability) as store:
        raw = store._writer.raw
        found = {name: await store._writer.call(lambda name=name: pragma(raw, name)) for name in wanted}  # type: ignore[misc]
        assert found == wanted


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_a_transaction_has_one_time(store: Store) -> None:
    assert await store.write(lambda tx: (tx.now, tx.at)) == (START_MS, "2026-11-21T14:30:00.123Z")
    assert await store.read(lambda tx: tx.now) == START_MS


async def test_what_takes_long_is_read_apart_and_holds_up_no_other_reader(store: Store) -> None:
    await store.write(add, "seen")
    blockers = [Blocker() for _ in range(engine.READERS_APART)]
    assert len(blockers) > engine.READERS
    one_more = Blocker()
    async with anyio.create_task_group() as tasks:
        for blocker in blockers:
            tasks.start_soon(store.read_on_new_connection, blocker)
            await happened(blocker.begun)
        tasks.start_soon(store.read_on_new_connection, one_more)
        assert await store.read(notes) == ["seen"]
        assert not one_more.begun.is_set()
        for blocker in [*blockers, one_more]:
            blocker.go_on.set()
