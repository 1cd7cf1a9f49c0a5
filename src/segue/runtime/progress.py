"""The progress of a long job: one thread works and counts, other threads read the counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """The state of a job: its step, and how much of the step is done."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.step = ""
        self.unit = ""
        """The unit of the counts, such as `messages` or `bytes`; empty for nothing."""
        self.total: int | None = None
        self.note = ""
        """Other counts, in words."""
        self._added = 0
        self._count: Callable[[], int] = int

    @property
    def done(self) -> int:
        """Return how much of the step is done."""
        return self._count()

    def begin(
        self, step: str, total: int | None = None, unit: str = "", *, count: Callable[[], int] | None = None
    ) -> None:
        """Begin a step. `add` counts it, or `count` measures it at each read."""
        self.step, self.total, self.unit = step, total, unit
        self._added = 0
        self._count = count or (lambda: self._added)

    def add(self, count: int = 1) -> None:
        """Count what was done."""
        self._added += count

    def set(self, step: str, done: int, total: int | None, unit: str) -> None:
        """Take the state of a job that another process does."""
        self.step, self.total, self.unit = step, total, unit
        self._count = lambda: done


STARTING = Progress("start")
"""The migration of the daemon that this process starts."""


class RunningJobs:
    """The jobs of the daemon that run now, in the order of their start."""

    def __init__(self) -> None:
        self._running: list[Progress] = []

    def __iter__(self) -> Iterator[Progress]:
        return iter(tuple(self._running))

    @contextmanager
    def run(self, job: str) -> Iterator[Progress]:
        """Show a job for the length of the context."""
        progress = Progress(job)
        self._running.append(progress)
        try:
            yield progress
        finally:
            self._running.remove(progress)
