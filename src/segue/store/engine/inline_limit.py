"""The limits on what the event loop's thread runs itself, with a back-off after slow statements or commits."""

from collections.abc import Callable
from typing import Literal

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


QUICK_COMMIT_SECONDS = 0.002
"""Seconds. The loop commits while commits take less than this on average."""

SLOW_COMMIT_SECONDS = 0.01
"""Seconds. After a slower commit the writer thread commits for the back-off."""

STALL_SECONDS = 0.04
"""Seconds. After a slower commit the back-off is `MAX_BACKOFF_SECONDS`."""

CHECKPOINT_FRAMES = 4000
"""Frames of the WAL (16 MB) after which SQLite copies it into the database. That takes some 10 ms of another thread."""


class InlineCommitLimit:
    """The decision whether the event loop's thread may commit a batch whose statements it has run.

    Nothing can take a running sync back, and the loop serves no connection meanwhile.

    Plan:

    1. The loop commits while the moving average of all commits is below `QUICK_COMMIT_SECONDS`. A daemon begins with
       commits on the writer thread.
    2. After a commit over `SLOW_COMMIT_SECONDS`, by either thread, the writer thread commits for the back-off. Each
       further one doubles it, up to `MAX_BACKOFF_SECONDS`. A commit over `STALL_SECONDS` makes it the longest.
    3. The back-off is the first one again after twice `MAX_BACKOFF_SECONDS` without a slow commit.
    4. So a disk that stalls now and then stops the loop once a minute, and not at all if it stalls more often.
    5. Another connection copies the WAL after `CHECKPOINT_FRAMES`, while writes continue. Then the writer thread makes
       a commit in which SQLite copies the few frames that came meanwhile, and can begin the WAL again. `_frames` is an
       estimate.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._usual = SLOW_COMMIT_SECONDS
        self._backoff = FIRST_BACKOFF_SECONDS
        self._blocked_until = 0.0
        self._slow_at = 0.0
        self._frames = 0
        self._copy: Literal["no", "running", "done"] = "no"

    def allows(self) -> bool:
        """Return True if the loop may commit now."""
        return (
            self._usual < QUICK_COMMIT_SECONDS
            and self._frames < CHECKPOINT_FRAMES
            and self._now() >= self._blocked_until
        )

    def begin_copy(self) -> bool:
        """Return True if another connection is to copy the WAL now, and `end_copy` is called after it."""
        if self._frames < CHECKPOINT_FRAMES or self._copy != "no":
            return False
        self._copy = "running"
        return True

    def end_copy(self) -> None:
        """Record that the WAL was copied, but for the frames that came meanwhile."""
        self._copy = "done"

    @property
    def checkpoint_due(self) -> bool:
        """Return True if the rest of the WAL is to be copied in the next commit of the writer thread."""
        return self._copy == "done"

    def add_frames(self, frames: int) -> None:
        """Record frames of the WAL that another kind of commit wrote."""
        self._frames += frames

    def record(self, begun_at: float, frames: int, *, copied: bool = False) -> None:
        """Record a commit that began at a time and ends now, and about how many frames it wrote."""
        now = self._now()
        seconds = now - begun_at
        self._frames = 0 if copied else self._frames + frames
        if copied:  # Its time says nothing about the disk.
            self._copy = "no"
            return
        self._usual += (min(seconds, SLOW_COMMIT_SECONDS) - self._usual) / 8
        if seconds < SLOW_COMMIT_SECONDS:
            return
        if now - self._slow_at > 2 * MAX_BACKOFF_SECONDS:
            self._backoff = FIRST_BACKOFF_SECONDS
        if seconds >= STALL_SECONDS:
            self._backoff = MAX_BACKOFF_SECONDS
        self._slow_at = now
        self._blocked_until = now + self._backoff
        self._backoff = min(2 * self._backoff, MAX_BACKOFF_SECONDS)
