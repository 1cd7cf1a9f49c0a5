"""Delete old sessions on a schedule that a wrong clock does not mislead."""

import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection

import anyio
import msgspec

from segue.config import Config
from segue.errors import Conflict, SegueError
from segue.runtime.progress import Progress, RunningJobs
from segue.status_results import CleanupResult, CleanupStatus
from segue.store.engine import daemon_state
from segue.store.engine.tx import Tx
from segue.store.records import retention
from segue.store.records.retention import ExpiredSession
from segue.store.store import Store
from segue.timestamps import Clock, milliseconds, timestamp

log = logging.getLogger("segue.cleanup")

DAY_MS = 86_400_000
ROUND = 100
"""Sessions: the most that are deleted above the limit before all are counted again."""

FIRST_RUN_SECONDS = 600
"""Seconds: from the start to the first automatic run, so that a preview, a pin or a stop is possible before it."""

LIVES = 3
"""Daemons in a row that exited before an automatic run; the last of them runs it when it exits."""

MANY_SESSIONS = 20
"""Sessions: an automatic run that would delete more than this, and more than half of all, waits for a person."""

NOTED_MS = 60_000
"""Milliseconds: a daemon that lived for less makes no note of its end."""

EXIT_SECONDS = 5
"""Seconds: the longest cleanup of a daemon that exits. The next daemon deletes the rest."""

SAMPLE_SECONDS = 3600
MAX_SAMPLES = 10_000
"""Samples: enough for a retention of a year."""

STATE = "cleanup.state"


class CleanupState(msgspec.Struct):
    """The state that is kept in the database across restarts."""

    last_run_at: str | None = None
    last_result: CleanupResult | None = None
    waiting: int = 0
    lives: int = 0
    """Daemons in a row that did not clean up, including the running one."""
    seen_at: str | None = None
    """The wall clock when the last daemon started or exited."""
    doubtful: bool = False
    """True after a long absence or a jump of the wall clock, until a cleanup ran."""
    lived_ms: int = 0
    """Milliseconds by the monotonic clock that earlier daemons ran while the wall clock was in doubt."""
    activities: list[int] = []
    """The order of use at the starts of the last two daemons: sessions above the first were used in one of them."""


class Cleanup:
    """The deletion of sessions by age and number.

    1. An automatic run comes 10 minutes after the start and after every interval. A daemon that exits earlier leaves
       it to the third one in a row. After a long absence or a jump of the clock, a whole interval passes first by the
       monotonic clock, in one daemon or in several.
    2. An automatic run spares sessions that this daemon or the last one used, until this daemon has lived for the
       session's retention by the monotonic clock.
    3. An automatic run that would delete more than half of all sessions waits for `session.cleanup`.
    4. Each session is deleted in its own transaction, which checks again that the session is unused.
    """

    def __init__(
        self,
        store: Store,
        settings: Config,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        jobs: RunningJobs | None = None,
    ) -> None:
        self._store = store
        self._config = settings.session
        self._ages = retention.Ages(settings.session.retention_ms, settings.import_.retention_ms)
        self._clock = clock
        self._monotonic = monotonic
        self._jobs = jobs or RunningJobs()
        self._state = CleanupState()
        self._next_run_at: str | None = None
        self._seen = (clock(), monotonic())
        self._doubted_from = monotonic()
        self._samples: list[tuple[float, int]] = []
        """Times by the monotonic clock, each with the order of use then."""
        self.on_deleted: Callable[[], None] = lambda: None
        """Called after a run that deleted sessions."""
        self.is_allowed: Callable[[], Awaitable[bool]] = _always
        """Returns False while other machines may use what this one would delete."""

    def status(self) -> CleanupStatus:
        """Return the last and the next run, and the number of sessions that wait for `session.cleanup`."""
        return CleanupStatus(
            last_run_at=self._state.last_run_at,
            next_run_at=self._next_run_at,
            last_result=self._state.last_result,
            waiting=self._state.waiting,
        )

    async def load(self) -> None:
        """Read the state that earlier daemons left, and count this one."""
        self._state = await self._store.write_deletion(_begin_life)

    async def run_on_schedule(self) -> None:
        """Run the automatic cleanups; after an error the next interval tries again."""
        interval = self._config.cleanup_interval_minutes * 60
        wait: float = max(FIRST_RUN_SECONDS, interval) if self._state.doubtful else FIRST_RUN_SECONDS
        while True:
            self._next_run_at = timestamp(self._clock() + round(wait * 1000))
            await anyio.sleep(wait)
            wait = interval
            try:
                await self.run_unless_clock_jumped()
            except (SegueError, sqlite3.Error) as error:
                log.error("cleanup failed: %s", error)

    async def run_at_exit(self) -> None:
        """Run the cleanup that LIVES daemons in a row had no time for, unless the wall clock is in doubt."""
        try:
            with anyio.move_on_after(EXIT_SECONDS):
                await self._doubt_clock_if_jumped()
                lived_ms = round((self._monotonic() - self._doubted_from) * 1000)
                if lived_ms >= NOTED_MS:
                    self._state = await self._store.write(_end_life, lived_ms)
                if self._config.auto_cleanup and self._state.lives >= LIVES:
                    await self._run_automatically(trusts_clock=not self._state.doubtful or self._has_lived_interval())
        except (SegueError, sqlite3.Error) as error:
            log.error("cleanup at exit failed: %s", error)

    async def run_unless_clock_jumped(self) -> None:
        """Run the automatic cleanup, or defer it by an interval if the wall clock jumped since the last call."""
        if await self._doubt_clock_if_jumped():
            log.warning("cleanup deferred by one interval: the clock jumped")
            return
        await self._run_automatically()

    def _has_lived_interval(self) -> bool:
        return self._state.lived_ms >= self._config.cleanup_interval_minutes * 60_000

    async def _run_automatically(self, *, trusts_clock: bool = True) -> None:
        """Delete what is due, unless that is more than half of all sessions, or `trusts_clock` is False."""
        if not await self.is_allowed():
            log.warning("cleanup deferred: the last sync is too old, or the clock is wrong")
            return
        expired = await self._store.read(retention.expired, self._ages)
        due = [session for session in expired if session.activity <= self._spared_after(session.retention_ms)]
        excluded = {session.session_id for session in expired}
        surplus = await self._store.read(retention.over_limit, self._config.max_sessions, excluded)
        total = await self._store.read(retention.count)
        number = len(due) + len(surplus)
        await self._sample()
        if number > MANY_SESSIONS and number * 2 > total:
            log.warning("cleanup would delete %d of %d sessions; it waits for segue cleanup", number, total)
            self._state = await self._store.write(_set_waiting, number)
        elif trusts_clock:
            await self._run(due, excluded)

    async def run(self) -> CleanupResult:
        """Delete everything that is due, because a client requested it.

        Raises:
            Conflict: other machines may use what would be deleted (`sync`).
        """
        if not await self.is_allowed():
            text = "the last sync is too old, or the clock is wrong; run segue sync first"
            raise Conflict(text, reason="sync")
        return await self._run(await self._store.read(retention.expired, self._ages), ())

    async def _run(self, due: list[ExpiredSession], excluded: Collection[str]) -> CleanupResult:
        with self._jobs.run("cleanup") as progress:
            progress.begin("deleting old sessions", len(due), "sessions")
            old = await self._delete(due, progress)
            surplus = await self._delete_surplus(excluded, progress)
        result = retention.result(old, surplus)
        self._state = await self._store.write(_record_run, result)
        if result.sessions_deleted:
            log.info("cleanup deleted %d sessions by age, %d by number", len(old), len(surplus))
            self.on_deleted()
        return result

    async def _delete(self, due: list[ExpiredSession], progress: Progress) -> list[str]:
        deleted: list[str] = []
        for session in due:
            if await self._store.write_deletion(retention.delete_if_unused, session):
                deleted.append(session.session_id)
            progress.add()
        return deleted

    async def _delete_surplus(self, excluded: Collection[str], progress: Progress) -> list[str]:
        """Delete in rounds and count again between them, because clients delete sessions too."""
        deleted: list[str] = []
        limit = self._config.max_sessions
        while surplus := await self._store.read(retention.over_limit, limit, excluded):
            if not deleted:
                progress.begin("deleting sessions above the maximum", len(surplus), "sessions")
            round_deleted = await self._delete(surplus[:ROUND], progress)
            if not round_deleted:
                break
            deleted += round_deleted
        return deleted

    async def _sample(self) -> None:
        """Note the order of use, once in SAMPLE_SECONDS."""
        now = self._monotonic()
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_SECONDS:
            self._samples = [*self._samples[-MAX_SAMPLES:], (now, await self._store.read(_activity))]

    def _spared_after(self, retention_ms: int) -> int:
        """Return the order of use above which sessions are spared: they were used within the retention."""
        now = self._monotonic()
        old = [activity for at, activity in self._samples if (now - at) * 1000 >= retention_ms]
        return old[-1] if old else self._state.activities[0]

    async def _doubt_clock_if_jumped(self) -> bool:
        """Return True if the wall clock gained more than a day on the monotonic clock since the last call."""
        before, self._seen = self._seen, (self._clock(), self._monotonic())
        wall = self._seen[0] - before[0]
        jumped = wall - (self._seen[1] - before[1]) * 1000 > DAY_MS
        if jumped:
            self._doubted_from = self._seen[1]
            self._state = await self._store.write(_doubt)
        return jumped


def _activity(tx: Tx) -> int:
    return int(tx.run("SELECT coalesce(max(activity), 0) FROM sessions").fetchone()[0])


def _load(tx: Tx) -> CleanupState:
    try:
        state = msgspec.json.decode(daemon_state.get(tx, STATE) or "{}", type=CleanupState)
        milliseconds(state.last_run_at or tx.at)
        milliseconds(state.seen_at or tx.at)
    except ValueError:  # Another program wrote it.
        return CleanupState()
    return state


def _save(tx: Tx, state: CleanupState) -> CleanupState:
    daemon_state.set(tx, STATE, msgspec.json.encode(state).decode())
    return state


async def _always() -> bool:
    return True


def _begin_life(tx: Tx) -> CleanupState:
    state = _load(tx)
    state.lives += 1
    known = max(state.seen_at or "", state.last_run_at or "") or tx.at
    if abs(tx.now - milliseconds(known)) > DAY_MS and not state.doubtful:
        state.doubtful, state.lived_ms = True, 0
    state.seen_at = tx.at
    state.activities = [*state.activities[-1:], _activity(tx)]
    return _save(tx, state)


def _end_life(tx: Tx, lived_ms: int) -> CleanupState:
    state = _load(tx)
    state.seen_at = tx.at
    state.lived_ms += lived_ms
    return _save(tx, state)


def _doubt(tx: Tx) -> CleanupState:
    state = _load(tx)
    state.doubtful, state.lived_ms = True, 0
    return _save(tx, state)


def _set_waiting(tx: Tx, waiting: int) -> CleanupState:
    state = _load(tx)
    state.waiting = waiting
    return _save(tx, state)


def _record_run(tx: Tx, result: CleanupResult) -> CleanupState:
    state = _load(tx)
    begun = CleanupState(last_run_at=tx.at, last_result=result, seen_at=tx.at, activities=state.activities)
    return _save(tx, begun)
