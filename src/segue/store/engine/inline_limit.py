"""The limit on writes that the event loop's thread runs itself, with a back-off after a slow batch."""

from collections.abc import Callable

MAX_INLINE_WRITES = 64
"""Writes in one inline batch. The event loop serves no connection while they run, for 2 to 3 ms."""

INLINE_SECONDS = 0.01
"""Seconds. Stop running statements inline after this; a cold page cache or a huge row makes every write slow."""

FIRST_BACKOFF_SECONDS = 0.1
"""Seconds. No write runs inline for this long after a slow batch. Each further slow batch doubles it."""

MAX_BACKOFF_SECONDS = 60.0


class InlineLimit:
    """The decision whether a batch may run on the event loop's thread.

    Plan:

    1. A batch of more than `MAX_INLINE_WRITES` never runs inline.
    2. A batch that takes `INLINE_SECONDS` stops before its next write, and the writer thread repeats it.
    3. After such a batch nothing runs inline for the back-off, which doubles up to `MAX_BACKOFF_SECONDS`.
    4. A batch in time resets the back-off to `FIRST_BACKOFF_SECONDS`.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._backoff = FIRST_BACKOFF_SECONDS
        self._blocked_until = 0.0

    def allows(self, count: int) -> bool:
        """Return True if a batch of COUNT writes may run inline now."""
        return count <= MAX_INLINE_WRITES and self._now() >= self._blocked_until

    def start(self) -> float:
        """Return the deadline of a batch that starts now, after which no further write of it begins."""
        return self._now() + INLINE_SECONDS

    def end(self, deadline: float) -> None:
        """Adapt the back-off to a batch with that deadline, which ends now."""
        if (ended_at := self._now()) < deadline:
            self._backoff = FIRST_BACKOFF_SECONDS
        else:
            self._blocked_until = ended_at + self._backoff
            self._backoff = min(2 * self._backoff, MAX_BACKOFF_SECONDS)
