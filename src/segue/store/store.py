"""One writer for everybody, readers beside it.

Writes are committed together (see `group_commit`); reads run at once, each in a transaction of its own.
"""

import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import anyio

from segue.errors import StartError, StorageError
from segue.files import prepare_directory
from segue.results import ReadStatus
from segue.store.engine.connection import Durability, ThreadConnection, open_reader, open_writer
from segue.store.engine.database_file import prepare_file
from segue.store.engine.file_guard import FileGuard
from segue.store.engine.metrics import Timing
from segue.store.engine.transactions import fold_wal, run_read
from segue.store.engine.tx import Tx
from segue.store.engine.write_queue import WriteQueue
from segue.timestamps import Clock

log = logging.getLogger("segue.store")

P = ParamSpec("P")
T = TypeVar("T")

READERS = 2
"""Reads that run at once: as many as there are cores to run them, on a small machine."""

READERS_APART = 3
"""Long reads that run at once, each on a connection of its own and its descriptors; others wait for them."""

CLOSE_SECONDS = 2
"""How long a read may go on after the store was told to close, before it is interrupted."""

PROGRESS_STEPS = 100_000
"""Steps of SQLite, some milliseconds, after which a long statement asks whether it is still wanted."""


class Store:
    """The open database. Made by `open_store`."""

    def __init__(self, path: Path, writer: ThreadConnection, readers: list[ThreadConnection], clock: Clock) -> None:
        self.path = path
        self._file_guard = FileGuard(path)
        self.writes = WriteQueue(writer, path, self._file_guard, clock)
        self.timing = self.writes.timing
        self._writer = writer
        self._readers = readers
        self._idle = list(readers)
        self._reader_free = anyio.Semaphore(len(readers), fast_acquire=True)
        self._apart_free = anyio.Semaphore(READERS_APART)
        self._clock = clock

    def reads(self) -> ReadStatus:
        """What is being read, and what waits for a reader."""
        return self.timing.reads(self._reader_free.statistics().tasks_waiting)

    def check_files(self) -> str | None:
        """What is wrong if a file of the database was removed or replaced; nothing is written to it from then on."""
        return self._file_guard.lost()

    async def write(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `query` in a write transaction and return its result once that is durable.

        Raises Overloaded if too much waits, ShuttingDown if the store closes, StorageError if the file cannot
        be written, and whatever `query` raises; in each case nothing of it is stored, unless StorageError says
        that this is unknown.
        """
        return await self.writes.put(lambda tx: query(tx, *args, **kwargs), brief=False)

    async def write_inline(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do as `write` does, for a query of less than a tenth of a millisecond: few rows, none of them large.

        The loop, and so everybody, may wait while its statements run.
        """
        return await self.writes.put(lambda tx: query(tx, *args, **kwargs), brief=True)

    async def read(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `query` on a reader, in one transaction that sees every write answered before."""
        async with self._reader_free:
            reader = self._idle.pop()
            self.timing.begin_read(reader)
            try:
                return await reader.call(run_read, reader.raw, self._clock(), lambda tx: query(tx, *args, **kwargs))
            finally:
                self.timing.end_read(reader)
                self._idle.append(reader)

    async def read_on_new_connection(
        self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `query` as `read` does, on a connection of its own: for what takes so long that others would wait."""
        async with self._apart_free:
            try:
                reader = await open_reader(self.path)
            except StartError:  # no descriptor is free for it
                return await self.read(query, *args, **kwargs)
            async with _apart(reader, self.timing):
                return await reader.call(run_read, reader.raw, self._clock(), lambda tx: query(tx, *args, **kwargs))

    async def run_on_new_connection(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function` on a connection of its own and outside of a transaction, as a copy of the whole file must be.

        If the caller is cancelled, SQLite is interrupted and the function's end waited for. StorageError if there
        can be no connection.
        """
        if self.check_files():
            raise self._file_guard.error()
        async with self._apart_free:
            try:
                reader = await open_reader(self.path)
            except StartError as error:
                raise StorageError(f"storage: {error}", reason="io") from None
            async with _apart(reader, self.timing):
                return await reader.call(function, reader.raw, *args, **kwargs)

    async def close_connections(self) -> None:
        """Interrupt what still reads, fold the WAL into the file and close everything."""
        for reader in self._readers:
            with anyio.move_on_after(CLOSE_SECONDS):
                await reader.call(int)
            reader.raw.interrupt()
            await reader.close()
        try:
            await self._writer.call(fold_wal, self._writer.raw)
        except sqlite3.Error as error:  # what is committed stays in the WAL and is folded in another time
            log.warning("cannot fold the WAL into the database: %s", error)
        finally:
            await self._writer.close()


@asynccontextmanager
async def _apart(reader: ThreadConnection, timing: Timing) -> AsyncIterator[None]:
    """Close the connection at the end; what still runs on it is interrupted, also if it begins only now."""
    leaving = threading.Event()
    reader.raw.set_progress_handler(leaving.is_set, PROGRESS_STEPS)
    timing.begin_read(reader)
    try:
        yield
    finally:
        timing.end_read(reader)
        leaving.set()
        reader.raw.interrupt()
        with anyio.CancelScope(shield=True):
            await reader.close()


@asynccontextmanager
async def open_store(
    path: Path, *, clock: Clock, queue_limit: int = 10_000, durability: Durability = "full"
) -> AsyncIterator[Store]:
    """Open the database, made and migrated if need be, for the length of the context.

    Raises StartError if it cannot be opened safely. On the way out, all that waits is committed first.
    """
    prepare_directory(path.parent, "database")
    prepare_file(path)
    opened: list[ThreadConnection] = []
    with anyio.CancelScope(shield=True):
        try:
            opened.append(await open_writer(path, durability))
            while len(opened) <= READERS:
                opened.append(await open_reader(path))
        except BaseException:
            for connection in opened:
                await connection.close()
            raise
    store = Store(path, opened[0], opened[1:], clock)
    store.writes.limit = queue_limit
    try:
        yield store
    finally:
        store.writes.close()
        with anyio.CancelScope(shield=True):
            await store.writes.finish()
            await store.close_connections()
