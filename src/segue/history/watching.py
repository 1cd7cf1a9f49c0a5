"""Notice that a file below some folders changes, with watchfiles where it is installed."""

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

LONGEST_SECONDS = 60.0
"""Seconds between two looks at everything, in which roots that appeared meanwhile are found."""

POLL_SECONDS = 5.0
"""Seconds between two looks where changes cannot be watched."""

SETTLE_MS = 300
"""Milliseconds without a change after which a burst of changes is over."""


class Watcher:
    """A thread that watches roots. Changes during an import are kept for the next `wait`."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._changed = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def wait(self) -> None:
        """Return after a change, or after the longest time between two looks."""
        watched = self._thread is not None and self._thread.is_alive()
        self._changed.wait(LONGEST_SECONDS if watched else POLL_SECONDS)
        self._changed.clear()

    def __enter__(self) -> Self:
        try:
            import watchfiles  # noqa: F401 - only to know that it is there
        except ImportError:
            return self
        if self._roots:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        from watchfiles import watch

        try:
            for _ in watch(*self._roots, step=SETTLE_MS, stop_event=self._stop, rust_timeout=1000):
                self._changed.set()
        except (OSError, RuntimeError):
            return  # Such as the kernel's limit of watches; `wait` then looks every few seconds.
