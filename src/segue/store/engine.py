"""One writer for everybody, readers beside it.

All writes that wait are run in one transaction, and the failure of one undoes only itself; one COMMIT, and so one
fsync, serves all of them, and nobody is answered before it. The writes run in the store's own task: a caller that
goes away tears nothing.
"""

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import anyio

from segue.answers import ReadStatus
from segue.clock import Clock
from segue.errors import Overloaded, ShuttingDown, StartError, StorageError
from segue.events import Emitted
from segue.store.connection import Durability, ThreadConnection, open_reader, open_writer
from segue.store.doubt import Unsure
from segue.store.file import Footprint, prepare_directory, prepare_file
from segue.store.room import lacks_room
from segue.store.timing import Timing
from segue.store.transactions import Outcome, fold_wal, run_read, run_writes
from segue.store.tx import Tx

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


class Write(NamedTuple):
    """A write that waits for its transaction."""

    query: Callable[[Tx], Any]
    done: asyncio.Future[Any]
    asked: float


class Store:
    """The open database. Made by `open_store`."""

    def __init__(self, path: Path, writer: ThreadConnection, readers: list[ThreadConnection], clock: Clock) -> None:
        self.path = path
        self.queue_limit = 10_000
        self.publish: Callable[[list[Emitted]], None] = lambda emitted: None
        """Called with what was done, in commit order and once it is durable, also for callers that went away."""
        self.changed = asyncio.Event()
        """Set at the next commit, and replaced: for chores that follow what is written."""
        self.timing = Timing()
        self._writer = writer
        self._readers = readers
        self._idle = list(readers)
        self._reader_free = anyio.Semaphore(len(readers), fast_acquire=True)
        self._apart_free = anyio.Semaphore(READERS_APART)
        self._clock = clock
        self._waiting: deque[Write] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._footprint = Footprint(path)
        self._lost: str | None = None

    @property
    def queue_depth(self) -> int:
        """How many writes wait for their transaction."""
        return len(self._waiting)

    def reads(self) -> ReadStatus:
        """What is being read, and what waits for a reader."""
        return self.timing.reads(self._reader_free.statistics().tasks_waiting)

    def look_after_file(self) -> str | None:
        """What is wrong if a file of the database was removed or replaced; nothing is written to it from then on.

        It is logged when it is noticed.
        """
        if self._lost is None and (lost := self._footprint.lost()):
            self._lost = lost
            log.error("%s", lost)
        return self._lost

    async def write(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `query` in a write transaction and return its result once that is durable.

        Raises Overloaded if too much waits, ShuttingDown if the store closes, StorageError if the file cannot
        be written, and whatever `query` raises; in each case nothing of it is stored, unless StorageError says
        that this is unknown.
        """
        if self._closing:
            raise ShuttingDown("the daemon is shutting down")
        if self._lost:
            raise _lost()
        if len(self._waiting) >= self.queue_limit:
            raise Overloaded("too many writes are waiting; try again")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(Write(lambda tx: query(tx, *args, **kwargs), done, self.timing.now()))
        self._wake.set()
        return await done

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

    async def read_apart(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `query` as `read` does, on a connection of its own: for what takes so long that others would wait."""
        async with self._apart_free:
            try:
                reader = await open_reader(self.path)
            except StartError:  # no descriptor is free for it
                return await self.read(query, *args, **kwargs)
            async with _apart(reader, self.timing):
                return await reader.call(run_read, reader.raw, self._clock(), lambda tx: query(tx, *args, **kwargs))

    async def run_apart(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function` on a connection of its own and outside of a transaction, as a copy of the whole file must be.

        If the caller is cancelled, SQLite is interrupted and the function's end waited for. StorageError if there
        can be no connection.
        """
        if self.look_after_file():
            raise _lost()
        async with self._apart_free:
            try:
                reader = await open_reader(self.path)
            except StartError as error:
                raise StorageError(f"storage: {error}", reason="io") from None
            async with _apart(reader, self.timing):
                return await reader.call(function, reader.raw, *args, **kwargs)

    async def commit_waiting(self) -> None:
        """The writer's loop; it ends when the store closes and nothing waits any more."""
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = list(self._waiting)
            self._waiting.clear()
            try:
                outcomes = await self._writer.call(self._commit, self._clock(), [write.query for write in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, every caller must hear of it
                outcomes = [Outcome(None, error, [])] * len(batch)
            self.timing.wrote(sum(outcome.error is None for outcome in outcomes), batch[0].asked)
            for write, outcome in zip(batch, outcomes, strict=True):
                _settle(write.done, outcome)
            if emitted := [one for outcome in outcomes for one in outcome.emitted]:
                self.publish(emitted)
            self.changed.set()
            self.changed = asyncio.Event()

    def _commit(self, now: int, queries: list[Callable[[Tx], Any]]) -> list[Outcome]:
        """Run the writes; a look before and after, some microseconds, lets none be answered that nobody can find."""
        if not self.look_after_file():
            outcomes = run_writes(self._writer.raw, now, queries)
            if not self.look_after_file():
                return [self._explained(outcome) if outcome.error else outcome for outcome in outcomes]
        return [Outcome(None, _lost(), [])] * len(queries)

    def _explained(self, outcome: Outcome) -> Outcome:
        error = outcome.error
        if isinstance(error, Unsure):  # there may be no room, but that is not all there is to tell
            return outcome
        if isinstance(error, StorageError) and error.data["reason"] == "io" and lacks_room(self.path):
            return outcome._replace(error=StorageError("storage: the disk is full", reason="full"))
        return outcome

    def close_queue(self) -> None:
        """Take no more writes; those that wait are still committed."""
        self._closing = True
        self._wake.set()

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


def _lost() -> StorageError:
    return StorageError("storage: the database was removed or replaced; restart segued", reason="io")


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
    store.queue_limit = queue_limit
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_commit_shielded, store)
            try:
                yield store
            finally:
                store.close_queue()
    finally:
        with anyio.CancelScope(shield=True):
            await store.close_connections()


async def _commit_shielded(store: Store) -> None:
    with anyio.CancelScope(shield=True):
        await store.commit_waiting()


def _settle(done: asyncio.Future[Any], outcome: Outcome) -> None:
    if done.done():  # the caller went away; what it wrote is stored all the same
        return
    if outcome.error is None:
        done.set_result(outcome.value)
    else:
        done.set_exception(outcome.error)
