"""A clock that the test sets."""

from segue.timestamps import timestamp

START_MS = 1_795_271_400_123
"""2026-11-21T14:30:00.123Z"""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class HandClock:
    """A wall clock and a monotonic clock."""

    def __init__(self, now: int = START_MS) -> None:
        self.now = now
        self.steady = 1000.0

    def wall(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.steady

    def pass_time(self, ms: int) -> None:
        """Advance both clocks."""
        self.now += ms
        self.steady += ms / 1000

    def jump(self, ms: int) -> None:
        """Change only the wall clock."""
        self.now += ms

    @property
    def at(self) -> str:
        return timestamp(self.now)
