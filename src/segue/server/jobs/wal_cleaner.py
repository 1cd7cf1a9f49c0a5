"""What remains of the deleted: removed from the WAL as well, once nothing of it is in the tables and the index."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable

import anyio

from segue.errors import SegueError
from segue.store.engine.wal import checkpoint_truncate
from segue.store.records import purges
from segue.store.search import index
from segue.store.store import Store

log = logging.getLogger("segue.traces")

PAUSE_SECONDS = 0.005
"""Between two slices: the writer belongs to the clients."""

TRIES = 50
TRY_SECONDS = 0.1
"""How often, and how long apart, the WAL is tried for one who waits: a long read keeps it."""

RETRY_SECONDS = 5
"""After an error, and at most between two tries for which nobody waits."""


class WalCleaner:
    """Knows whether something deleted may still be found in the files, and sees to it that it is not."""

    def __init__(self, store: Store, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self._store = store
        self._sleep = sleep
        self._noted = 1  # a process that was killed may have left the bytes of deleted rows in the WAL
        self._wiped = 0
        self._wanted = anyio.Event()

    @property
    def pending(self) -> bool:
        """Whether something was deleted since the WAL was last emptied."""
        return self._wiped != self._noted

    def note(self) -> None:
        """Something was deleted."""
        self._noted += 1
        self._wanted.set()

    async def wipe_on_demand(self) -> None:
        """Empty the WAL whenever the chores have removed what was deleted, until cancelled.

        While others read what was there before, it is tried ever less often: a try costs some milliseconds.
        """
        pause = TRY_SECONDS
        while True:
            if not self.pending:
                self._wanted = anyio.Event()
                await self._wanted.wait()
            try:
                if await self._try_to_empty_wal(await self._wait_for_chores()):
                    pause = TRY_SECONDS
                else:
                    await self._sleep(pause)
                    pause = min(2 * pause, RETRY_SECONDS)
            except (SegueError, sqlite3.Error) as error:
                if self._store.check_files():  # told by others, and there is nothing more to be done
                    return
                log.warning("cannot empty the WAL, trying again in %d s: %s", RETRY_SECONDS, error)
                await self._sleep(RETRY_SECONDS)

    async def wipe(self) -> bool:
        """Do it all now; False if a long read keeps the WAL, which is emptied later then."""
        self.note()
        store, noted = self._store, self._noted
        while await store.read(purges.are_due):
            await store.write(purges.remove_slice)
        newest = await store.read(index.newest)
        while await store.read(index.is_behind, newest):
            await store.write(index.step, newest)
            await anyio.sleep(PAUSE_SECONDS)
        while await store.read(index.merge_is_due):
            await store.write(index.merge_step)
            await anyio.sleep(PAUSE_SECONDS)
        return await self._empty_wal(noted)

    async def _wait_for_chores(self) -> int:
        """How much of what was noted is in the tables and the index no more; what is noted meanwhile may be."""
        while True:
            commits, noted = self._store.commit_count, self._noted
            if not await self._store.read(index.has_deleted_terms):
                return noted
            await self._store.wait_for_commit(after=commits)

    async def _empty_wal(self, noted: int) -> bool:
        for _ in range(TRIES):
            if await self._try_to_empty_wal(noted):
                return True
            await self._sleep(TRY_SECONDS)
        return False

    async def _try_to_empty_wal(self, noted: int) -> bool:
        if not await self._store.run_on_new_connection(checkpoint_truncate):
            return False
        self._wiped = max(self._wiped, noted)
        return True
