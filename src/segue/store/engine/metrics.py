"""Counters and times of the store for daemon.status."""

import time
from collections.abc import Callable, Hashable

from segue.status_results import ReadStatus, WriteStatus

RECENT_SECONDS = 60
"""Seconds. The recent slowest write is from the last one to two intervals of this length."""


class StoreMetrics:
    """The number of writes, the slowest ones, and the running reads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.now = monotonic
        self._committed = 0
        self._slowest = 0.0
        self._recent = [0.0, 0.0]
        """The slowest write of the current interval and of the one before, in seconds."""
        self._interval = 0
        self._reads: dict[Hashable, float] = {}

    def record_commit(self, count: int, enqueued_at: float) -> None:
        """Count COUNT committed writes, the first of which was enqueued at ENQUEUED_AT."""
        now = self.now()
        self._start_interval(now)
        self._committed += count
        self._recent[0] = max(self._recent[0], now - enqueued_at)
        self._slowest = max(self._slowest, now - enqueued_at)

    def read_started(self, reader: Hashable) -> None:
        """Record that READER runs a read from now on."""
        self._reads[reader] = self.now()

    def read_ended(self, reader: Hashable) -> None:
        """Record that READER is free."""
        del self._reads[reader]

    def write_status(self) -> WriteStatus:
        """Return the number of committed writes and the slowest times."""
        self._start_interval(self.now())
        return WriteStatus(
            committed=self._committed, slowest_ms=_ms(self._slowest), slowest_recent_ms=_ms(max(self._recent))
        )

    def read_status(self, waiting: int) -> ReadStatus:
        """Return the running reads, beside WAITING ones that have no reader."""
        oldest = min(self._reads.values(), default=None)
        return ReadStatus(
            running=len(self._reads), waiting=waiting, oldest_ms=None if oldest is None else _ms(self.now() - oldest)
        )

    def _start_interval(self, now: float) -> None:
        interval = int(now // RECENT_SECONDS)
        if interval != self._interval:
            self._recent = [0.0, self._recent[0] if interval == self._interval + 1 else 0.0]
            self._interval = interval


def _ms(seconds: float) -> float:
    return round(max(seconds, 0) * 1000, 1)
