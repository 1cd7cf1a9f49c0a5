"""The queue of writes, which one writer connection commits in batches (group commit).

Plan:

1. `submit` appends a write. If no batch runs, it starts one at the end of the loop's turn, or `GATHER_TURNS` later if
   fewer writes wait than the last batch had.
2. `_start_batch` takes all waiting writes as one batch, which gets one transaction and one COMMIT. A long write, such
   as a step of the search index, is a batch of its own. It takes turns with batches of the others.
3. If every write of the batch is marked `inline`, the event loop's thread runs the statements. The reason: the two
   threads would exchange the interpreter lock between any two statements, which takes longer than the statements.
   Otherwise, or if another program holds the database, the writer thread runs them.
4. While the disk is quick, the event loop's thread commits such a batch too (`InlineCommitLimit`). Otherwise, and after
   an error, the writer thread does (`commit_batch`). A write that fails undoes only itself.
5. `_finish`, on the event loop, gives each write its result, starts the next batch and calls the commit listeners.
6. After `StoreFailed`, such as an unknown outcome of a COMMIT, the queue refuses all writes, and the daemon exits.

No step runs in a caller's task. A canceled caller does not interrupt a transaction, and its write is stored.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from segue.errors import Overloaded, ShuttingDown, StorageError
from segue.events import Emitted
from segue.store.engine.connection import ThreadConnection
from segue.store.engine.file_guard import FileGuard
from segue.store.engine.inline_limit import CHECKPOINT_FRAMES, InlineCommitLimit, InlineLimit
from segue.store.engine.metrics import StoreMetrics
from segue.store.engine.sqlite_errors import (
    CommitOutcomeUnknown,
    StoreFailed,
    disk_full,
    is_disk_full,
    to_segue_error,
    writes_stopped,
)
from segue.store.engine.transactions import Memory, commit_batch, run_uncommitted
from segue.store.engine.tx import Tx
from segue.store.engine.wal import set_checkpoint_frames
from segue.store.engine.write import Write, WriteResult
from segue.timestamps import Clock

log = logging.getLogger("segue.store")

T = TypeVar("T")

GATHER_TURNS = 2
"""Turns of the loop that a batch with fewer writes than the last one waits for. A sync costs as much for many as for
one, and the clients of the last batch send their next requests in these turns."""

OTHER_FRAMES = 100
"""Frames of the WAL that a batch takes which is not inline, such as a step of the search index."""

Query = Callable[[Tx], Any]
CommitListener = Callable[[list[Emitted]], None]


class WriteQueue:
    """The writes that wait for the writer connection, and the batch that it runs."""

    def __init__(
        self,
        connection: ThreadConnection,
        path: Path,
        file_guard: FileGuard,
        clock: Clock,
        metrics: StoreMetrics,
        limit: int,
    ) -> None:
        self.limit = limit
        """The number of writes that may wait."""
        self.listeners: list[CommitListener] = []
        """Called in commit order with the events of each commit, after the commit is durable."""
        self.failed = asyncio.Event()
        """Set by `fail`. The queue refuses all writes."""
        self.commits = 0
        """The number of batches that ended, failed ones included."""
        self.batch_listeners: list[Callable[[], None]] = []
        """Called after each of these batches."""
        self.on_wal_full: Callable[[], None] | None = None
        """Called when another connection is to copy the WAL, and then to call `end_copy`."""
        self._connection = connection
        self._path = path
        self._file_guard = file_guard
        self._clock = clock
        self._metrics = metrics
        self._inline_limit = InlineLimit(metrics.now)
        self._commit_limit = InlineCommitLimit(metrics.now)
        set_checkpoint_frames(connection.raw, 2 * CHECKPOINT_FRAMES)
        self._loop = asyncio.get_running_loop()
        self._memory = Memory()
        self._waiting: deque[Write[Any]] = deque()
        self._waiting_long: deque[Write[Any]] = deque()
        self._turns_left, self._last_size = 0, 0
        self._long_is_next = False
        """True after a batch of other writes, which would otherwise leave a long one waiting without end."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def __len__(self) -> int:
        """Return the number of waiting writes."""
        return len(self._waiting) + len(self._waiting_long)

    def submit(self, query: Callable[[Tx], T], *, inline: bool, long: bool = False) -> Write[T]:
        """Queue QUERY and return the write, which has its result after the commit is durable.

        Other writes may overtake a long one.

        Raises:
            ShuttingDown: the queue is closed.
            StorageError: a database file was replaced, or the queue has failed.
            Overloaded: `limit` writes wait.
        """
        if self._closed:
            raise ShuttingDown("the daemon is shutting down")
        if self.failed.is_set():
            raise writes_stopped()
        if self._file_guard.replaced:
            raise self._file_guard.error()
        if len(self._waiting) + len(self._waiting_long) >= self.limit:
            raise Overloaded("too many writes are waiting; try again")
        write = Write(query, self._metrics.now(), inline=inline)
        (self._waiting_long if long else self._waiting).append(write)
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._start_batch)  # Not now: the requests of this turn of the loop share a batch.
        return write

    def close(self) -> None:
        """Refuse new writes. The queue still commits those that wait."""
        self._closed = True

    @property
    def is_idle(self) -> bool:
        """Return True if no write waits or runs."""
        return self._idle.is_set()

    async def wait_until_idle(self) -> None:
        """Return when no write waits or runs."""
        await self._idle.wait()

    def _start_batch(self) -> None:
        if not len(self):  # `fail` has refused them.
            self._idle.set()
            return
        if self._turns_left and len(self._waiting) < self._last_size:
            self._turns_left -= 1
            self._loop.call_soon(self._start_batch)
            return
        batch = self._take_batch()
        self._turns_left, self._last_size = GATHER_TURNS, len(batch)
        queries = [write.query for write in batch]
        try:
            now = self._clock()
            uncommitted = self._run_inline(now, queries) if self._can_run_inline(batch) else None
            error = None
            if uncommitted is not None and self._commit_limit.allows():
                error = self._commit_inline(len(batch))
                if error is None:
                    self._loop.call_soon(self._finish, batch, uncommitted)
                    return
            self._connection.post(partial(self._commit, now, queries, uncommitted, error), partial(self._finish, batch))
        except Exception as error:  # noqa: BLE001 - Every caller must get an answer, also after a bug.
            self._memory.clear()
            self._loop.call_soon(self._finish, batch, _all_failed(batch, error))

    def _take_batch(self) -> list[Write[Any]]:
        if self._waiting_long and (self._long_is_next or not self._waiting):
            self._long_is_next = False
            return [self._waiting_long.popleft()]
        self._long_is_next = True
        batch = list(self._waiting)
        self._waiting.clear()
        return batch

    def _can_run_inline(self, batch: list[Write[Any]]) -> bool:
        if not self._inline_limit.allows(len(batch)) or not all(write.inline for write in batch):
            return False
        return self._file_guard.find_replaced() is None

    def _run_inline(self, now: int, queries: list[Query]) -> list[WriteResult] | None:
        deadline = self._inline_limit.start()
        results = run_uncommitted(
            self._connection.raw, now, queries, lambda: self._metrics.now() < deadline, self._memory
        )
        self._inline_limit.end(deadline)
        if results is None:
            self._memory.clear()
        return results

    def _commit_inline(self, count: int) -> Exception | None:
        """Commit the open transaction on the event loop's thread. Return the error for `_commit` to handle."""
        begun_at = self._metrics.now()
        try:
            self._connection.raw.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - The writer thread handles it, because that may take seconds.
            return error
        finally:
            self._commit_limit.record(begun_at, _frames(count))
        return None

    def _commit(
        self,
        now: int,
        queries: list[Query],
        uncommitted: list[WriteResult] | None,
        commit_error: Exception | None = None,
    ) -> list[WriteResult]:
        """Commit the batch on the writer thread and return the result of each write."""
        connection = self._connection.raw
        try:
            if uncommitted is None and self._file_guard.find_replaced():
                return _all_failed(queries, self._file_guard.error())
            copies_wal = self._commit_limit.checkpoint_due
            if copies_wal:
                set_checkpoint_frames(connection, 1)
            begun_at = self._metrics.now()
            results = None
            try:
                results = commit_batch(connection, now, queries, uncommitted, commit_error)
            finally:
                if copies_wal:
                    set_checkpoint_frames(connection, 2 * CHECKPOINT_FRAMES)
                if results is None or results is not uncommitted:  # Other writes ran, or the same ones again.
                    self._memory.clear()
            if uncommitted is not None or copies_wal:
                self._commit_limit.record(begun_at, _frames(len(queries)), copied=copies_wal)
            else:
                self._commit_limit.add_frames(OTHER_FRAMES)
            return [self._with_disk_full_checked(result) if result.error else result for result in results]
        except Exception as error:  # noqa: BLE001 - This is the last place on this thread that can answer.
            return _all_failed(queries, to_segue_error(error))
        except BaseException as error:  # noqa: BLE001
            return _all_failed(queries, error)

    def _finish(self, batch: list[Write[Any]], results: list[WriteResult]) -> None:
        """Answer the batch on the event loop and start the next one."""
        # The second check, after the commit: a commit to a file that no path leads to is not durable for the caller.
        if self._file_guard.find_replaced():
            results = _all_failed(batch, self._file_guard.error())
        self._metrics.record_commit(sum(result.error is None for result in results), batch[0].enqueued_at)
        for write, result in zip(batch, results, strict=True):
            write.settle(result)
        if failure := next((result.error for result in results if isinstance(result.error, StoreFailed)), None):
            self.fail(failure)
        if len(self):
            self._loop.call_soon(self._start_batch)
        else:
            self._idle.set()
        self.commits += 1
        if self.on_wal_full is not None and self._commit_limit.begin_copy():
            self.on_wal_full()
        for batch_listener in self.batch_listeners:
            batch_listener()
        if emitted := [event for result in results for event in result.emitted]:
            for listener in self.listeners:
                listener(emitted)

    def end_copy(self) -> None:
        """Copy the rest of the WAL in the next commit of the writer thread."""
        self._commit_limit.end_copy()

    def fail(self, error: StoreFailed) -> None:
        """Refuse the waiting and all later writes."""
        if not self.failed.is_set():
            cause = "I/O error in COMMIT" if isinstance(error, CommitOutcomeUnknown) else "broken locks"
            log.error("%s of %s: taking no more writes, exiting for a restart; check the disk", cause, self._path)
        self.failed.set()
        waiting = [*self._waiting, *self._waiting_long]
        self._waiting.clear()
        self._waiting_long.clear()
        for write in waiting:
            write.settle(WriteResult(None, writes_stopped(), []))

    def _with_disk_full_checked(self, result: WriteResult) -> WriteResult:
        """Replace an I/O error by "disk full" if the disk is full, because SQLite reports some of these as I/O errors.

        An unknown outcome stays unknown.
        """
        error = result.error
        if isinstance(error, CommitOutcomeUnknown):
            return result
        if isinstance(error, StorageError) and error.data["reason"] == "io" and is_disk_full(self._path):
            return result._replace(error=disk_full())
        return result


def _frames(count: int) -> int:
    """Return about how many frames of the WAL the commit of COUNT small writes takes."""
    return 6 + 2 * count


def _all_failed(writes: list[Any], error: BaseException) -> list[WriteResult]:
    return [WriteResult(None, error, [])] * len(writes)
