"""Notice that files below some folders change, with watchfiles, or by looking where changes cannot be watched."""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

TICK_MS = 500
"""Milliseconds between two looks at what is not watched: roots that appear or are replaced, and databases."""

STEP_MS = 100
"""Milliseconds without a change after which a burst of changes is over."""

BURST_MS = 500
"""Milliseconds after which changes are reported although more follow."""


class Watcher:
    """The roots that are watched. Changes during an import are kept for the next look."""

    def __init__(self, roots: Sequence[Path], stop: Event) -> None:
        self._roots = roots
        self._stop = stop
        self._identities = [identity(root) for root in roots]
        self.problem: str | None = None
        """The reason why changes cannot be watched."""

    def changes(self) -> Iterator[set[Path] | None]:
        """Yield the paths that changed, at least an empty set in every tick.

        None stands for any path, where changes cannot be watched. It ends when a root appeared, vanished or was
        replaced, and when `stop` is set.
        """
        for changed in self._watch():
            yield changed
            if [identity(root) for root in self._roots] != self._identities:
                return

    def _watch(self) -> Iterator[set[Path] | None]:
        watched = [root for root in self._roots if root.is_dir()]
        if watched:
            try:
                from watchfiles import watch

                for changes in watch(
                    *watched,
                    watch_filter=None,
                    stop_event=self._stop,
                    step=STEP_MS,
                    debounce=BURST_MS,
                    rust_timeout=TICK_MS,
                    yield_on_timeout=True,
                ):
                    yield {Path(path) for _, path in changes}
                return
            except ImportError:
                self.problem = "watchfiles is not installed; add it with: pipx inject segue watchfiles"
            except (OSError, RuntimeError) as error:  # Such as the kernel's limit of watches.
                self.problem = f"cannot watch: {error}"
        while not self._stop.wait(TICK_MS / 1000):
            yield None if watched else set()


def identity(root: Path) -> tuple[int, int] | None:
    """Return device and inode of a folder, zeros for a file, None if there is nothing."""
    try:
        found = os.stat(root)  # noqa: PTH116 - Path.stat costs twice the time, and this runs in every tick
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else (0, 0)


class Pace:
    """The last run of some work. The next one waits, so that the work takes a small share of the time."""

    def __init__(self) -> None:
        self._ended = self._begun = time.monotonic()

    def begin(self) -> None:
        """Note that the work begins."""
        self._begun = time.monotonic()

    def end(self) -> None:
        """Note that the work ended."""
        self._ended = time.monotonic()

    def is_due(self, share: float, shortest: float) -> bool:
        """Return True if the work may take its share again, at least `shortest` seconds after its end."""
        return time.monotonic() >= self._ended + max(shortest, (self._ended - self._begun) / share)
