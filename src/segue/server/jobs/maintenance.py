"""The maintenance worker: removes deleted data from the file and keeps the search index up to date.

Deleting a message hides it; its bytes are then in the tables, in the index and in the WAL. The worker removes them and
indexes new messages in phases:

1. PURGE: remove hidden rows from the tables, then return free pages to the file system.
2. INDEX: add new messages to the index, and update those of changed sessions.
3. COUNT: keep figures of the messages, for statistics.
4. MERGE: merge the segments of the index until they hold no deleted terms. Due only when nothing is left to purge.
5. FLUSH: copy the WAL into the file and empty it, once neither the tables nor the index hold deleted data.

Each step of a phase is a small transaction, so that clients wait for milliseconds at most. In the background, `run`
does one step of every due phase per round: a client that appends without pause must not keep deleted terms in the
index. `run_until` executes the same steps in the task of a caller who needs the result, without the pauses that leave
the writer to the clients.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum

import anyio

from segue.errors import SegueError, StorageError
from segue.store.engine.tx import Tx
from segue.store.engine.wal import checkpoint_truncate
from segue.store.records import purges
from segue.store.search import index
from segue.store.stats import figures
from segue.store.store import Store

log = logging.getLogger("segue.maintenance")

IDLE_SECONDS = 0.25
"""Seconds: delay after a change, because clients often write again soon. A search does not wait for the worker."""

PAUSE_SECONDS = 0.005
"""Seconds: pause between two rounds while no client writes."""

BUSY_SECONDS = 0.1
"""Seconds: further pause while clients write and deleted data is left, so that 1 in 100 writes waits for a step."""

WRITERS_SECONDS = 1.0
"""Seconds: further pause while clients write and only new messages are left. It is shorter the more of them there are,
and 0 from `index.BACKLOG_MESSAGES` on. So the index takes the share of the time that it needs to keep up.

Indexing costs half as much as the appends. A search does not wait for the worker, and larger steps cost less.
"""

SHORT_STEPS = 3
"""Steps in place of one while sync or an import brings the messages: clients wait for 4 ms instead of 9. They cost a
quarter more. Clients that bring the messages themselves would pay for that with more than they gain."""

COUNT_SECONDS = 0.1
"""Seconds between two steps of the statistics while clients write and more than `index.BACKLOG_MESSAGES` are left,
enough for 20 000 messages a second. With fewer left, `WRITERS_SECONDS`.

The first start of a file of an older version, or an import, leaves many to count, and no client waits for them.
"""

RETRY_SECONDS = 5.0
MAX_RETRY_SECONDS = 60.0
"""Seconds: first and longest pause after an error such as a full disk; it doubles in between."""

FLUSH_RETRY_SECONDS = 0.1
"""Seconds: first pause after a flush that a long read prevented. It doubles up to RETRY_SECONDS in the background,
because an attempt costs some milliseconds."""

FLUSH_ATTEMPTS = 50
"""Attempts, FLUSH_RETRY_SECONDS apart, for a caller who waits for the flush."""


class Phase(Enum):
    """A kind of maintenance step, in the order of execution."""

    PURGE = "purge"
    INDEX = "index"
    COUNT = "count"
    MERGE = "merge"


class Maintenance:
    """The worker, and the record of deletions that the WAL may still hold."""

    def __init__(
        self,
        store: Store,
        monotonic: Callable[[], float] = anyio.current_time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        """The clock of `sleep`: a pause that was measured with another one would not end with it."""
        self._sleep = sleep
        self.copying: str | None = None
        """The id of a fork that is being copied: its messages are hidden like deleted ones, and must stay."""
        self.copy_lock = anyio.Lock()
        """Held while a fork is being copied, because the index cannot be merged meanwhile."""
        self._deletions = 1  # Because the WAL of a daemon that was killed may hold deleted rows.
        self._flushed = 0
        self._vacuum_due = True
        self._backlog = 0
        """The number of messages that the index lacked after its last step."""
        self._long_write_count = 0
        """The long writes before the end of the last step. More of them are not of this worker."""
        self._has_writers = False
        """True if clients wrote during the last pause."""
        self._next_count = 0.0
        self._changed = anyio.Event()
        store.on_batch_end(lambda: self._changed.set())
        self._flush_retry = FLUSH_RETRY_SECONDS
        self._next_flush = 0.0

    @property
    def flush_due(self) -> bool:
        """Return True if a row was deleted since the WAL was last emptied."""
        return self._flushed != self._deletions

    def mark_deleted(self) -> None:
        """Record that rows were deleted or hidden, so that the worker removes what is left of them."""
        self._deletions += 1
        self._vacuum_due = True
        self._next_flush = 0.0
        self._changed.set()

    async def run(self) -> None:
        """Do maintenance in the background until cancelled, or until the database file is replaced."""
        retry = RETRY_SECONDS
        while True:
            self._changed = anyio.Event()
            try:
                worked = await self._run_round()
                retry = RETRY_SECONDS
            except (SegueError, sqlite3.Error) as error:
                if self._store.check_files():  # The store has logged it and refuses all writes.
                    return
                log.warning("maintenance failed: %s (next attempt in %d s)", error, retry)
                if isinstance(error, StorageError) and error.data["reason"] == "full":
                    await self._free_wal()
                await self._sleep(retry)
                retry = min(2 * retry, MAX_RETRY_SECONDS)
                continue
            if worked:
                await self._pause()
            else:
                await self._wait_for_change()
                await anyio.sleep(IDLE_SECONDS)

    async def run_until(self, *, indexed: bool = False, merged: bool = False, clean: bool = False) -> bool:
        """Do maintenance now, for what was written before the call.

        `indexed`: until the index holds every message. `merged`: until the tables and the index hold no deleted data.
        `clean`: both, and until the WAL is empty. Returns False if a long read keeps the WAL.

        Raises:
            StorageError: a step failed.
        """
        if clean:
            self.mark_deleted()
        if not merged and not clean:
            return await self._run_phases(indexed=indexed)
        async with self.copy_lock:
            return await self._run_phases(indexed=indexed, merged=merged, clean=clean)

    async def count_messages(self) -> None:
        """Keep figures of the messages that were written before the call, except for the newest."""
        newest = await self._store.read(index.newest)
        while await self._store.read(figures.is_behind, newest):
            await self._step(Phase.COUNT, newest)

    async def _run_phases(self, *, indexed: bool, merged: bool = False, clean: bool = False) -> bool:
        deletions, newest = self._deletions, await self._store.read(index.newest)
        for phase, wanted in ((Phase.PURGE, merged), (Phase.INDEX, indexed), (Phase.MERGE, merged)):
            while (wanted or clean) and await self._store.read(_is_due, phase, newest, self.copying):
                await self._step(phase, newest)
                if phase is not Phase.INDEX or clean:
                    await anyio.sleep(PAUSE_SECONDS)
        return not clean or await self._flush_now(deletions)

    async def _run_round(self) -> bool:
        """Do one step of every phase that is due; return False if none is."""
        deletions = self._deletions
        newest, due = await self._store.read(_find_due, self.copying)
        for phase in due:
            if phase is not Phase.COUNT or not self._has_writers or self._monotonic() >= self._next_count:
                await self._step(phase, newest)
        if Phase.PURGE in due or Phase.MERGE in due:
            return True
        # New messages must not delay these steps: a client that appends without pause adds some every round.
        if self._vacuum_due:
            self._vacuum_due = False
            if await self._store.write_deletion(purges.remove_slice, self.copying):
                self._vacuum_due = True
            return True
        if self.flush_due and self._monotonic() >= self._next_flush and not await self._flush(deletions):
            self._next_flush = self._monotonic() + self._flush_retry
            self._flush_retry = min(2 * self._flush_retry, RETRY_SECONDS)
        return bool(due)

    async def _step(self, phase: Phase, newest: int) -> None:
        if phase is Phase.PURGE:
            await self._store.write_deletion(purges.remove_slice, self.copying)
        elif phase is Phase.INDEX:
            await self._index(newest)
        elif phase is Phase.COUNT:
            left = await self._store.write_long(figures.step, newest)
            self._next_count = self._monotonic() + (COUNT_SECONDS if left > index.BACKLOG_MESSAGES else WRITERS_SECONDS)
        else:
            await self._store.write_deletion(index.merge_step)
        self._long_write_count = self._store.long_write_count

    async def _index(self, newest: int) -> None:
        steps = 1 if self._store.long_write_count == self._long_write_count else SHORT_STEPS
        for _ in range(steps):
            self._backlog = await self._store.write_long(index.step, newest, 1 / steps)

    async def _flush_now(self, deletions: int) -> bool:
        for _ in range(FLUSH_ATTEMPTS):
            if await self._flush(deletions):
                return True
            await self._sleep(FLUSH_RETRY_SECONDS)
        return False

    async def _flush(self, deletions: int) -> bool:
        """Empty the WAL; `deletions` is how many of them the tables and the index hold no longer."""
        if not await self._store.run_on_new_connection(checkpoint_truncate):
            return False
        self._flushed = max(self._flushed, deletions)
        self._flush_retry = FLUSH_RETRY_SECONDS
        return True

    async def _free_wal(self) -> None:
        """Empty the WAL, because its space on a full disk may be all that a deletion or an append needs."""
        with suppress(SegueError, sqlite3.Error):
            await self._store.run_on_new_connection(checkpoint_truncate)

    async def _pause(self) -> None:
        commits = self._store.commit_count
        await self._sleep(PAUSE_SECONDS)
        self._has_writers = self._store.commit_count != commits
        if self._has_writers:
            pause = WRITERS_SECONDS * max(0.0, 1 - self._backlog / index.BACKLOG_MESSAGES)
            await self._sleep(min(pause, BUSY_SECONDS) if self.flush_due else pause)

    async def _wait_for_change(self) -> None:
        """Wait for a commit or a deletion since the round began, or for the next attempt to flush."""
        with anyio.move_on_after(self._next_flush - self._monotonic() if self.flush_due else None):
            await self._changed.wait()


def _find_due(tx: Tx, copying: str | None) -> tuple[int, list[Phase]]:
    """Return the ID of the newest message and the phases that are due."""
    newest = index.newest(tx)
    return newest, [phase for phase in Phase if _is_due(tx, phase, newest, copying)]


def _is_due(tx: Tx, phase: Phase, newest: int, copying: str | None) -> bool:
    if phase is Phase.PURGE:
        return purges.are_due(tx, copying)
    if phase is Phase.INDEX:
        return index.is_behind(tx, newest)
    if phase is Phase.COUNT:
        return figures.is_due(tx, newest)
    return index.merge_is_due(tx)
