"""Central cleanup: on its own schedule, one session at a time, and not fooled by a clock that jumped."""

import logging
import sqlite3
import time
from collections.abc import Callable

import anyio
import msgspec

from segue.config import SessionConfig
from segue.errors import SegueError
from segue.results import CleanupResult
from segue.status_results import CleanupStatus
from segue.store.engine import daemon_state
from segue.store.engine.tx import Tx
from segue.store.records import retention
from segue.store.store import Store
from segue.timestamps import Clock, milliseconds, timestamp

log = logging.getLogger("segue.cleanup")

DAY_MS = 86_400_000
ROUND = 100
"""Sessions above the cap that are deleted after one look at all of them."""

LAST_RUN = "cleanup.last_run_at"
LAST_RESULT = "cleanup.last_result"
PUT_OFF = "cleanup.put_off"


class Memory(msgspec.Struct):
    """What earlier runs left in the file."""

    last_run_at: str | None
    last_result: CleanupResult | None
    put_off: bool


class Cleanup:
    """Deletes sessions by age and number, and removes from the file what was deleted."""

    def __init__(
        self, store: Store, config: SessionConfig, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._monotonic = monotonic
        self._memory = Memory(None, None, put_off=False)
        self._next_run_at: str | None = None
        self._seen = (clock(), monotonic())
        self.on_deleted: Callable[[], None] = lambda: None
        """Called after a run that deleted sessions."""

    def status(self) -> CleanupStatus:
        """When it ran, what came of it, and when it runs next."""
        return CleanupStatus(
            last_run_at=self._memory.last_run_at,
            next_run_at=self._next_run_at,
            last_result=self._memory.last_result,
        )

    async def load(self) -> None:
        """Recall what earlier runs left."""
        self._memory = await self._store.read(_recall)

    async def run_on_schedule(self) -> None:
        """Clean up now and at every interval; a fault is logged and the next interval tries again."""
        interval = self._config.cleanup_interval_minutes * 60
        suspicious = self.far_from_last_run()
        while True:
            try:
                await self.run_if_trusted(suspicious)
            except (SegueError, sqlite3.Error) as error:
                log.error("cleanup failed: %s", error)
            self._next_run_at = timestamp(self._clock() + round(interval * 1000))
            await anyio.sleep(interval)
            suspicious = self.clock_jumped()

    async def run_if_trusted(self, suspicious: bool) -> None:
        """Clean up; if the clock is suspicious and sessions would go, once not: it is put off to the next time."""
        if suspicious and not self._memory.put_off:
            due = await self._store.read(retention.preview, self._config.retention_ms, self._config.max_sessions)
            if due.sessions_deleted:
                log.warning("the clock jumped; cleanup of %d sessions is put off once", due.sessions_deleted)
                await self._store.write(daemon_state.set, PUT_OFF, "1")
                self._memory.put_off = True
                return
        await self.run()

    async def run(self) -> CleanupResult:
        """Delete what is due, each session in a transaction of its own that looks at it again."""
        retention_ms, cap = self._config.retention_ms, self._config.max_sessions
        old = await self._delete(await self._store.read(retention.expired, retention_ms))
        many = await self._delete_surplus(cap)
        result = retention.result(old, many)
        self._memory = await self._store.write(_remember, result)
        if result.sessions_deleted:
            log.info("cleanup deleted %d sessions by age, %d by number", len(old), len(many))
            self.on_deleted()
        return result

    async def _delete(self, due: list[retention.ExpiredSession]) -> list[str]:
        return [one.session_id for one in due if await self._store.write_deletion(retention.delete_if_unused, one)]

    async def _delete_surplus(self, max_sessions: int) -> list[str]:
        """Delete in rounds, each after a new look: sessions deleted meanwhile by others make room as well."""
        deleted: list[str] = []
        while due := (await self._store.read(retention.over_limit, max_sessions))[:ROUND]:
            gone = await self._delete(due)
            if not gone:
                break
            deleted += gone
        return deleted

    def far_from_last_run(self) -> bool:
        """Return True if the wall clock is more than a day before or after the last run."""
        last = self._memory.last_run_at
        return last is not None and abs(self._clock() - milliseconds(last)) > DAY_MS

    def clock_jumped(self) -> bool:
        """Return True if the wall clock gained more than a day on the monotonic clock since the last call."""
        before, self._seen = self._seen, (self._clock(), self._monotonic())
        wall = self._seen[0] - before[0]
        return wall - (self._seen[1] - before[1]) * 1000 > DAY_MS


def _recall(tx: Tx) -> Memory:
    last_run_at, put_off = daemon_state.get(tx, LAST_RUN), daemon_state.get(tx, PUT_OFF) is not None
    try:
        milliseconds(last_run_at or "")
        last_result = msgspec.json.decode(daemon_state.get(tx, LAST_RESULT) or "", type=CleanupResult)
        return Memory(last_run_at, last_result, put_off)
    except ValueError:  # never run, or written by something else: as if it had never run
        return Memory(None, None, put_off)


def _remember(tx: Tx, result: CleanupResult) -> Memory:
    daemon_state.set(tx, LAST_RUN, tx.at)
    daemon_state.set(tx, LAST_RESULT, msgspec.json.encode(result).decode())
    daemon_state.clear(tx, PUT_OFF)
    return Memory(tx.at, result, put_off=False)
