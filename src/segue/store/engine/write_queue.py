"""Group commit: all writes that wait are run in one transaction, and its COMMIT, its one fsync, serves them all.

The failure of one undoes only itself, and nobody is answered before the COMMIT. Nothing here runs in a caller's task:
one that goes away tears nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from segue.errors import Overloaded, ShuttingDown, StorageError
from segue.events import Emitted
from segue.store.engine.commit_recovery import CommitOutcomeUnknown
from segue.store.engine.connection import ThreadConnection, disable_busy_timeout
from segue.store.engine.file_guard import FileGuard
from segue.store.engine.metrics import Timing
from segue.store.engine.sqlite_errors import is_disk_full
from segue.store.engine.transactions import WriteResult, commit_batch, run_uncommitted
from segue.store.engine.tx import Tx
from segue.timestamps import Clock

T = TypeVar("T")

BRIEF_AT_ONCE = 64
"""Brief writes that the loop's thread runs before it goes on to anything else: two or three milliseconds."""

LONG_SECONDS = 0.01
"""After so long no further one is begun there: on a cold disk, or in a session of megabytes, none of them is brief."""

REST_SECONDS = 0.1
"""For so long the loop's thread runs none then; twice as long each time that it is too long again."""

LONGEST_REST_SECONDS = 60.0


class Write(NamedTuple):
    """A write that waits for its transaction."""

    query: Callable[[Tx], Any]
    done: asyncio.Future[Any]
    asked: float
    brief: bool


class WriteQueue:
    """The queue of the one connection that writes.

    The statements of brief writes are run on the loop's thread and only their COMMIT on the connection's: else, between
    any two statements, the threads hand the interpreter to and fro, which takes longer than the statements. Where one
    write of a transaction may take long, or another program holds the file, all of it is left to the connection's.
    """

    def __init__(self, connection: ThreadConnection, path: Path, file_guard: FileGuard, clock: Clock) -> None:
        self.limit = 10_000
        """How many writes may wait."""
        self.publish: Callable[[list[Emitted]], None] = lambda emitted: None
        """Called with what was done, in commit order and once it is durable."""
        self.changed = asyncio.Event()
        """Set at the next commit, and replaced."""
        self.timing = Timing()
        self._connection = connection
        self._path = path
        self._file_guard = file_guard
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Write] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._rest = REST_SECONDS
        self._rests_until = 0.0
        disable_busy_timeout(connection.raw)  # the loop must not, and the connection's thread says for how long it does

    def __len__(self) -> int:
        """How many writes wait."""
        return len(self._waiting)

    def put(self, query: Callable[[Tx], T], *, brief: bool) -> asyncio.Future[T]:
        """What the query will have returned once that is durable; or Overloaded, ShuttingDown, StorageError."""
        if self._closed:
            raise ShuttingDown("the daemon is shutting down")
        if self._file_guard.is_lost:
            raise self._file_guard.error()
        if len(self._waiting) >= self.limit:
            raise Overloaded("too many writes are waiting; try again")
        done: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(Write(query, done, self.timing.now(), brief))
        if self._idle.is_set():
            self._idle.clear()
            self._begin()
        return done

    def close(self) -> None:
        """Take no more writes; those that wait are still committed."""
        self._closed = True

    async def finish(self) -> None:
        """Return when no write waits or is under way."""
        await self._idle.wait()

    def _begin(self) -> None:
        """Take up all that waits; `_end` goes on."""
        batch = list(self._waiting)
        self._waiting.clear()
        queries = [write.query for write in batch]
        try:
            now = self._clock()
            begun = self._begin_here(now, queries) if self._may_begin_here(batch) else None
            self._connection.submit(partial(self._run, now, queries, begun), partial(self._end, batch))
        except Exception as error:  # noqa: BLE001 - a bug of ours, of which every caller must hear
            self._loop.call_soon(self._end, batch, [WriteResult(None, error, [])] * len(batch))

    def _may_begin_here(self, batch: list[Write]) -> bool:
        if len(batch) > BRIEF_AT_ONCE or not all(write.brief for write in batch) or self._file_guard.lost():
            return False
        return self.timing.now() >= self._rests_until

    def _begin_here(self, now: int, queries: list[Callable[[Tx], Any]]) -> list[WriteResult] | None:
        deadline = self.timing.now() + LONG_SECONDS
        begun = run_uncommitted(self._connection.raw, now, queries, lambda: self.timing.now() < deadline)
        if (ended_at := self.timing.now()) < deadline:
            self._rest = REST_SECONDS
        else:
            self._rests_until = ended_at + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
        return begun

    def _run(self, now: int, queries: list[Callable[[Tx], Any]], begun: list[WriteResult] | None) -> list[WriteResult]:
        """What became of all of them, durably; on the connection's thread."""
        try:
            if begun is None and self._file_guard.lost():
                return self._all_lost(queries)
            outcomes = commit_batch(self._connection.raw, now, queries, begun)
            return [self._explained(outcome) if outcome.error else outcome for outcome in outcomes]
        except BaseException as error:  # noqa: BLE001 - nobody else on this thread would tell the callers
            return [WriteResult(None, error, [])] * len(queries)

    def _end(self, batch: list[Write], outcomes: list[WriteResult]) -> None:
        """Answer the batch and go on with what came meanwhile."""
        if self._file_guard.lost():  # a look after it as well as before: none is answered that nobody can find
            outcomes = self._all_lost(batch)
        self.timing.wrote(sum(outcome.error is None for outcome in outcomes), batch[0].asked)
        for write, outcome in zip(batch, outcomes, strict=True):
            _settle(write.done, outcome)
        if self._waiting:
            self._begin()
        else:
            self._idle.set()
        self.changed.set()
        self.changed = asyncio.Event()
        if emitted := [one for outcome in outcomes for one in outcome.emitted]:
            self.publish(emitted)

    def _all_lost(self, several: list[Any]) -> list[WriteResult]:
        return [WriteResult(None, self._file_guard.error(), [])] * len(several)

    def _explained(self, outcome: WriteResult) -> WriteResult:
        error = outcome.error
        if isinstance(error, CommitOutcomeUnknown):  # there may be no room, but that is not all there is to tell
            return outcome
        if isinstance(error, StorageError) and error.data["reason"] == "io" and is_disk_full(self._path):
            return outcome._replace(error=StorageError("storage: the disk is full", reason="full"))
        return outcome


def _settle(done: asyncio.Future[Any], outcome: WriteResult) -> None:
    if done.done():  # the caller went away; what it wrote is stored all the same
        return
    if outcome.error is None:
        done.set_result(outcome.value)
    elif isinstance(outcome.error, Exception) and not isinstance(outcome.error, StopIteration):
        done.set_exception(outcome.error)
    else:  # a future takes no StopIteration, and what is no Exception is the thread's and not the caller's
        done.set_exception(RuntimeError(f"a write ended with {outcome.error!r}"))
