"""The open database: one connection that writes and several that read.

The write queue commits writes together (see `write_queue`). Reads run concurrently, each in its own transaction.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio

from segue.errors import Overloaded, SegueError, StartError, StorageError
from segue.files import prepare_directory
from segue.status_results import ReadStatus, WriteStatus
from segue.store.engine.connection import (
    OpenWriter,
    Reader,
    ThreadConnection,
    interrupt_at_end,
    open_reader,
    open_writer,
)
from segue.store.engine.database_file import prepare_file
from segue.store.engine.disk_reserve import DiskReserve
from segue.store.engine.file_guard import FileGuard
from segue.store.engine.file_lock import lock_database_file
from segue.store.engine.inline_limit import InlineLimit
from segue.store.engine.metrics import StoreMetrics
from segue.store.engine.sqlite_errors import StoreFailed
from segue.store.engine.transactions import run_read, run_read_without_wait
from segue.store.engine.tx import Tx
from segue.store.engine.wal import Durability, checkpoint_on_close, checkpoint_passive
from segue.store.engine.write_queue import CommitListener, WriteQueue
from segue.store.writes import StoreWrites
from segue.timestamps import Clock

log = logging.getLogger("segue.store")

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")

READERS = 2
"""Reads that run concurrently: the number of cores of a small machine."""

NEW_READERS = 3
"""Long reads that run concurrently, each on a new connection with its file descriptors. Further ones wait."""

CLOSE_SECONDS = 2
"""Seconds. How long a read may continue after the store begins to close, before SQLite interrupts it."""


class Store(StoreWrites):
    """The open database. `open_store` makes it."""

    def __init__(
        self,
        path: Path,
        writer: ThreadConnection,
        readers: list[ThreadConnection],
        memory: dict[str, Any],
        clock: Clock,
        queue_limit: int,
    ) -> None:
        self.path = path
        self._memory = memory
        self._file_guard = FileGuard(path)
        self._metrics = StoreMetrics()
        queue = WriteQueue(writer, path, self._file_guard, clock, self._metrics, queue_limit)
        super().__init__(queue, DiskReserve(path))
        self._writer = writer
        queue.on_wal_full = self._begin_copy
        self._copying: asyncio.Task[None] | None = None
        self._readers = readers
        self._free_readers = list(readers)
        self._canceled: list[ThreadConnection] = []
        """Readers on whose threads a query still runs whose caller was canceled."""
        self._reader_slots = anyio.Semaphore(len(readers), fast_acquire=True)
        self._new_reader_slots = anyio.Semaphore(NEW_READERS)
        self.slow_reads = anyio.Semaphore(1)
        self._inline_reads = InlineLimit(self._metrics.now)
        self._clock = clock

    @property
    def queue_depth(self) -> int:
        """Return the number of waiting writes."""
        return len(self._queue)

    @property
    def queue_limit(self) -> int:
        """Return how many writes may wait."""
        return self._queue.limit

    @property
    def commit_count(self) -> int:
        """Return the number of batches of writes that ended."""
        return self._queue.commits

    def on_commit(self, listener: CommitListener) -> None:
        """Call LISTENER with the events of each commit, in commit order, after the commit is durable."""
        self._queue.listeners.append(listener)

    def on_batch_end(self, listener: Callable[[], None]) -> None:
        """Call LISTENER whenever `commit_count` has grown."""
        self._queue.batch_listeners.append(listener)

    async def wait_for_failure(self) -> None:
        """Return after `StoreFailed`. The store then refuses all writes: the daemon must exit."""
        await self._queue.failed.wait()

    @property
    def failed(self) -> bool:
        """Return True after `StoreFailed`."""
        return self._queue.failed.is_set()

    def write_status(self) -> WriteStatus:
        """Return the number of committed writes and the slowest times."""
        return self._metrics.write_status()

    def read_status(self) -> ReadStatus:
        """Return the number of running and of waiting reads."""
        return self._metrics.read_status(self._reader_slots.statistics().tasks_waiting)

    def check_files(self) -> str | None:
        """Return a sentence if a database file was removed or replaced. The store then refuses all writes."""
        return self._file_guard.check_all()

    async def read(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run QUERY in a read transaction, which sees every write answered before."""
        async with self._reader_slots:
            reader = self._free_readers.pop()
            self._metrics.read_started(reader)
            try:
                return await reader.call(run_read, reader.raw, self._clock(), lambda tx: query(tx, *args, **kwargs))
            except StoreFailed as error:
                self._queue.fail(error)
                raise
            except asyncio.CancelledError:
                self._canceled.append(reader)
                reader.post(int, lambda _: self._canceled.remove(reader))  # Called when the query has ended.
                raise
            finally:
                self._metrics.read_ended(reader)
                self._free_readers.insert(0 if reader in self._canceled else len(self._free_readers), reader)

    async def read_inline(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `read`, for a query of few small rows that takes less than 0.1 ms.

        It may run on the event loop's thread, on the connection of a reader that is idle. That never waits for a lock.
        """
        if self._free_readers and self._free_readers[-1] not in self._canceled and self._inline_reads.allows(1):
            reader = self._free_readers[-1].raw
            deadline = self._inline_reads.start()
            try:
                return run_read_without_wait(reader, self._clock(), lambda tx: query(tx, *args, **kwargs))
            except Overloaded:  # Another program holds the database. A thread waits for it.
                pass
            except StoreFailed as error:
                self._queue.fail(error)
                raise
            finally:
                self._inline_reads.end(deadline)
        return await self.read(query, *args, **kwargs)

    async def read_on_new_connection(
        self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do the same as `read` on a new connection, because a long query would delay other reads."""
        async with self._new_reader_slots:
            try:
                reader = await open_reader(self.path, self._memory)
            except StartError:  # No file descriptor is free.
                return await self.read(query, *args, **kwargs)
            async with interrupt_at_end(reader, self._metrics):
                return await reader.call(run_read, reader.raw, self._clock(), lambda tx: query(tx, *args, **kwargs))

    async def run_on_new_connection(
        self, function: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run FUNCTION on a new connection outside a transaction, for statements such as VACUUM INTO.

        If the caller is canceled, SQLite is interrupted, and this waits until FUNCTION has returned.

        Raises:
            StorageError: a database file was replaced, or the connection cannot be opened.
        """
        if self.check_files():
            raise self._file_guard.error()
        async with self._new_reader_slots:
            try:
                reader = await open_reader(self.path, self._memory)
            except StartError as error:
                raise StorageError(f"storage: {error}", reason="io") from None
            async with interrupt_at_end(reader, self._metrics) as connection:
                return await reader.call(function, connection, *args, **kwargs)

    def _begin_copy(self) -> None:
        self._copying = asyncio.create_task(self._copy_wal())

    async def _copy_wal(self) -> None:
        try:
            await self.run_on_new_connection(checkpoint_passive)
        except (SegueError, sqlite3.Error) as error:  # The writer thread copies all of it, and meets the error again.
            log.debug("cannot copy the WAL while writes continue: %s", error)
        finally:
            self._queue.end_copy()

    async def free_caches(self) -> None:
        """Free the pages that the connections cache. A reader at work is waited for, a writer at work left out."""
        if self._queue.is_idle:
            self._writer.raw.execute("PRAGMA shrink_memory")
        async with anyio.create_task_group() as tasks:
            for _ in self._readers:  # Concurrently, so that each takes another one.
                tasks.start_soon(self._free_cache_of_reader)

    async def _free_cache_of_reader(self) -> None:
        with suppress(SegueError):  # The requests of clients report it.
            await self.read(lambda tx: tx.run("PRAGMA shrink_memory"))

    def refuse_writes(self) -> None:
        """Refuse new writes. The store still commits those that wait."""
        self._queue.close()

    async def close(self) -> None:
        """Commit the waiting writes, interrupt the reads, run a checkpoint and close all connections."""
        self.refuse_writes()
        await self._queue.wait_until_idle()
        if self._copying is not None:
            await self._copying
        self.reserve.close()
        for reader in self._readers:
            with anyio.move_on_after(CLOSE_SECONDS):
                await reader.call(int)  # Returns when the thread is free.
            reader.raw.interrupt()
            await reader.close()
        try:
            await self._writer.call(checkpoint_on_close, self._writer.raw)
        except sqlite3.Error as error:  # The committed writes stay in the WAL, for the next checkpoint.
            log.warning("cannot copy the WAL into the database: %s", error)
        finally:
            await self._writer.close()


@asynccontextmanager
async def open_store(
    path: Path,
    *,
    clock: Clock,
    queue_limit: int = 10_000,
    durability: Durability = "full",
    writer_factory: OpenWriter = open_writer,
) -> AsyncIterator[Store]:
    """Open the database for the length of the context; create and migrate it if necessary.

    The exit commits all waiting writes first. WRITER_FACTORY opens the connection that writes.

    Raises:
        AlreadyRunning: another daemon serves the file, perhaps by another name.
        StartError: the database cannot be opened safely.
    """
    prepare_directory(path.parent, "database")
    prepare_file(path)
    with lock_database_file(path):
        store = await _open(path, clock, queue_limit, durability, writer_factory)
        try:
            yield store
        finally:
            with anyio.CancelScope(shield=True):
                await store.close()


async def _open(
    path: Path, clock: Clock, queue_limit: int, durability: Durability, writer_factory: OpenWriter
) -> Store:
    opened: list[ThreadConnection] = []
    memory: dict[str, Any] = {}
    with anyio.CancelScope(shield=True):
        try:
            opened.append(await writer_factory(path, durability))
            while len(opened) <= READERS:
                opened.append(await open_reader(path, memory))
        except BaseException:
            for connection in opened:
                await connection.close()
            raise
    return Store(path, opened[0], opened[1:], memory, clock, queue_limit)
