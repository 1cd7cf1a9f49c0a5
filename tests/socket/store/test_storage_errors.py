"""The database cannot be written or read: errors in words, and no write after an unknown outcome."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from segue.errors import Conflict, StorageError
from segue.events import MemoryDeleted
from segue.store.engine.connection import ThreadConnection, open_writer
from segue.store.engine.sqlite_errors import CommitOutcomeUnknown
from segue.store.engine.tx import Tx
from segue.store.engine.wal import Durability
from segue.store.store import Store, open_store
from tests.socket.store.harness import (
    Blocker,
    WriterProbe,
    add,
    adding,
    clock,
    notes,
    other_program,
    start,
    wait_for,
    write_together,
)

pytestmark = pytest.mark.anyio


async def test_a_read_only_file_is_reported_and_writes_succeed_after_it(store: Store, writer: WriterProbe) -> None:
    await writer.execute("PRAGMA query_only = ON")
    for text in ("a", "b"):
        with pytest.raises(StorageError) as caught:
            await store.write(add, text)
        assert caught.value.data == {"reason": "read_only"}
    await writer.execute("PRAGMA query_only = OFF")
    assert await store.write(add, "c") == 1
    assert await store.read(notes) == ["c"]


def damage(path: Path, table: str) -> None:
    """Overwrite the first page of the table."""
    with other_program(path) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


async def test_a_damaged_page_is_reported_and_other_tables_are_served(path: Path, writer: WriterProbe) -> None:
    async with open_store(path, clock=clock) as store:
        for number in range(20):
            await store.write(add, f"{number} " + "x" * 3000)
    damage(path, "bots")
    async with open_store(path, clock=clock, writer_factory=writer) as store:
        with pytest.raises(StorageError) as caught:
            await store.read(notes)
        assert caught.value.data == {"reason": "corrupt"}
        outcomes = await write_together(
            store, adding("new"), lambda tx: tx.run("INSERT INTO daemon_state (name, value) VALUES ('a', 'b')")
        )
        assert isinstance(outcomes[0], StorageError)
        assert outcomes[0].data == {"reason": "corrupt"}
        assert await store.read(lambda tx: tx.run("SELECT value FROM daemon_state").fetchall()) == [("b",)]
        assert not writer.in_transaction


class BreakableDisk:
    """A sqlite3 connection whose COMMIT can be made to raise an error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._code: int | None = None
        self._after = 0

    def fail(self, code: int | None, after: int = 0) -> None:
        """Fail every COMMIT with CODE (None: with no error) after AFTER more ones."""
        self._code, self._after = code, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and self._code is not None:
            self._after -= 1
            if self._after < 0:
                self._connection.execute("ROLLBACK")
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = self._code
                raise error
        return self._connection.execute(sql, *parameters)


class BreakableWriter:
    """A writer factory whose connection has a `BreakableDisk`."""

    disk: BreakableDisk

    async def __call__(self, path: Path, durability: Durability) -> ThreadConnection:
        connection = await open_writer(path, durability)
        self.disk = BreakableDisk(connection.raw)
        connection._connection = self.disk  # type: ignore[assignment]
        return connection


def emit(tx: Tx) -> None:
    add(tx, "with an event")
    tx.emit("memory.deleted", MemoryDeleted(memory_id=1), session_id=None, working_dir=None, bot_id=None)


def refuse(tx: Tx) -> None:
    raise Conflict("not now", reason="last_id")


async def test_an_io_error_in_commit_is_an_unknown_outcome_and_stops_all_writes(path: Path, inline: bool) -> None:
    writer = BreakableWriter()
    events: list[Any] = []
    async with open_store(path, clock=clock, writer_factory=writer) as store:
        store.on_commit(events.extend)
        await store.write(add, "answered")
        writer.disk.fail(sqlite3.SQLITE_IOERR_FSYNC, after=1)
        outcomes = await write_together(store, adding("unknown"), refuse, emit, inline=inline)
        writer.disk.fail(None)
        assert [type(outcome) for outcome in outcomes] == [CommitOutcomeUnknown, Conflict, CommitOutcomeUnknown]
        assert "unknown" in str(outcomes[0])
        assert "with a key" in str(outcomes[0])
        await store.wait_for_failure()
        for write in (store.write, store.write_inline):
            with pytest.raises(StorageError) as caught:
                await write(add, "late")
            assert caught.value.data == {"reason": "io"}
            assert not isinstance(caught.value, CommitOutcomeUnknown)
        assert await store.read(notes) == ["answered"]
        assert events == []


async def test_writes_that_wait_behind_an_unknown_outcome_are_refused(path: Path, inline: bool) -> None:
    writer = BreakableWriter()
    async with open_store(path, clock=clock, writer_factory=writer) as store:
        writer.disk.fail(sqlite3.SQLITE_IOERR_FSYNC)
        blocker = Blocker()
        first = await start(store.write(blocker))
        await wait_for(blocker.started)
        behind = await start((store.write_inline if inline else store.write)(add, "behind"))
        blocker.release()
        with pytest.raises(CommitOutcomeUnknown):
            await first
        with pytest.raises(StorageError) as caught:
            await behind
        assert not isinstance(caught.value, CommitOutcomeUnknown)
        assert await store.read(notes) == []


def break_locks(tx: Tx) -> None:
    error = sqlite3.OperationalError("locking protocol")
    error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
    raise error


@pytest.mark.parametrize("method", ["read", "write", "write_inline"])
async def test_broken_locks_stop_all_writes(store: Store, method: str) -> None:
    with pytest.raises(StorageError) as caught:
        await getattr(store, method)(break_locks)
    assert caught.value.data == {"reason": "io"}
    await store.wait_for_failure()
    with pytest.raises(StorageError):
        await store.write(add, "late")


@pytest.mark.parametrize("error", [MemoryError(), sqlite3.OperationalError("no large files")])
async def test_a_lack_of_memory_or_of_large_files_is_a_storage_error(store: Store, error: Exception) -> None:
    def fail(tx: Tx) -> None:
        raise error

    if isinstance(error, sqlite3.Error):
        error.sqlite_errorcode = sqlite3.SQLITE_NOLFS
    for method in (store.read, store.write, store.write_inline):
        with pytest.raises(StorageError) as caught:
            await method(fail)
        assert caught.value.data == {"reason": "io"}
    assert await store.write(add, "later") == 1


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_FULL])
async def test_a_commit_that_cannot_write_its_frames_stores_nothing_and_writes_continue(path: Path, code: int) -> None:
    writer = BreakableWriter()
    async with open_store(path, clock=clock, writer_factory=writer) as store:
        writer.disk.fail(code)
        with pytest.raises(StorageError) as caught:
            await store.write(add, "a")
        assert not isinstance(caught.value, CommitOutcomeUnknown)
        writer.disk.fail(None)
        assert not store.failed
        assert await store.write(add, "b") == 1
