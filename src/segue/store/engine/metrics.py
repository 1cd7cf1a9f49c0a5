"""How long the store takes, for whoever wonders why segue is slow."""

import time
from collections.abc import Callable, Hashable

from segue.results import ReadStatus, WriteStatus

RECENT_SECONDS = 60
"""What is slowest lately is slowest within the last one to two of these."""


class Timing:
    """The slowest write, and the reads that go on."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.now = monotonic
        self._committed = 0
        self._slowest = 0.0
        self._recent = [0.0, 0.0]
        """The slowest of this stretch of `RECENT_SECONDS`, and of the one before."""
        self._stretch = 0
        self._reads: dict[Hashable, float] = {}

    def wrote(self, count: int, asked: float) -> None:
        """So many writes were made durable together, of which the first was asked for at that moment."""
        now = self.now()
        self._turn(now)
        self._committed += count
        self._recent[0] = max(self._recent[0], now - asked)
        self._slowest = max(self._slowest, now - asked)

    def begin_read(self, reader: Hashable) -> None:
        """A reader is at work from now on."""
        self._reads[reader] = self.now()

    def end_read(self, reader: Hashable) -> None:
        """It is done."""
        del self._reads[reader]

    def writes(self) -> WriteStatus:
        """What was written, and how slowly."""
        self._turn(self.now())
        return WriteStatus(
            committed=self._committed, slowest_ms=_ms(self._slowest), slowest_recent_ms=_ms(max(self._recent))
        )

    def reads(self, waiting: int) -> ReadStatus:
        """What is being read, beside those that wait for a reader."""
        oldest = min(self._reads.values(), default=None)
        return ReadStatus(
            running=len(self._reads), waiting=waiting, oldest_ms=None if oldest is None else _ms(self.now() - oldest)
        )

    def _turn(self, now: float) -> None:
        stretch = int(now // RECENT_SECONDS)
        if stretch != self._stretch:
            self._recent = [0.0, self._recent[0] if stretch == self._stretch + 1 else 0.0]
            self._stretch = stretch


def _ms(seconds: float) -> float:
    return round(max(seconds, 0) * 1000, 1)
