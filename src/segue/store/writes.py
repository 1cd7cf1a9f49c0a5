"""The kinds of writes of the open database, by how long they take. The write queue commits them (see `write_queue`)."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

import anyio

from segue.errors import StorageError
from segue.store.engine.disk_reserve import DiskReserve
from segue.store.engine.sqlite_errors import disk_full
from segue.store.engine.transactions import GroupQuery
from segue.store.engine.tx import Tx
from segue.store.engine.write import Write, WriteResult
from segue.store.engine.write_queue import WriteQueue
from segue.store.journaling import Journal

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")


class StoreWrites:
    """The part of the open database that writes."""

    def __init__(self, queue: WriteQueue, reserve: DiskReserve) -> None:
        self._queue = queue
        self.reserve = reserve
        self._long_writes = anyio.Semaphore(1)
        self.long_write_count = 0
        self.journal = Journal()

    async def write(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run QUERY in a write transaction and return its result after the commit is durable.

        If it raises, nothing of QUERY is stored, except after `CommitOutcomeUnknown`.

        Raises:
            Overloaded: too many writes wait, or another program holds the database.
            ShuttingDown: the store closes.
            StorageError: the database cannot be written.
            CommitOutcomeUnknown: a StorageError after which QUERY is stored or not stored as a whole.
        """
        self._check_space()
        return await self._queue.submit(self.journal.wrap(query, args, kwargs), inline=False)

    async def write_long(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `write`, for a query that takes milliseconds, one such query after the other.

        The write of a client shares its transaction with none of them, and waits for one at most.
        """
        async with self._long_writes:
            self._check_space()
            self.long_write_count += 1
            return await self._queue.submit(self.journal.wrap(query, args, kwargs), inline=False, long=True)

    async def write_inline(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `write`, for a query of few small rows that takes less than 0.1 ms.

        Its statements may run on the event loop's thread, which serves no connection meanwhile.
        """
        return await self.queue(query, *args, **kwargs)

    def queue(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> Write[T]:
        """Begin what `write_inline` does, and return the write that it waits for.

        Raises:
            Overloaded, ShuttingDown, StorageError: the write was not begun.
        """
        self._check_space()
        return self._queue.submit(self.journal.wrap(query, args, kwargs), inline=True)

    def queue_grouped(
        self, run_one: Callable[[Tx, A], T], run_group: Callable[[Tx, list[A]], list[WriteResult]], argument: A
    ) -> Write[T]:
        """Do the same as `queue` for RUN_ONE with ARGUMENT, together with waiting writes of the same kind.

        RUN_GROUP takes the arguments of several and returns the result of each. If it raises, each runs alone.
        """
        self._check_space()
        query = cast("Callable[[Tx], T]", GroupQuery(*self.journal.wrap_group(run_one, run_group), argument))
        return self._queue.submit(query, inline=True)

    async def write_deletion(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `write`, for a deletion or a step of the start: on a full disk it uses the reserved space."""
        run = self.journal.wrap(query, args, kwargs)
        try:
            return await self._queue.submit(run, inline=False)
        except StorageError as error:
            if error.data.get("reason") != "full" or not self.reserve.release():
                raise
        return await self._queue.submit(run, inline=False)

    def _check_space(self) -> None:
        """Refuse a write while only deletions may use the last space of the disk."""
        if self.reserve.released and not self.reserve.allocate_again():
            raise disk_full()
