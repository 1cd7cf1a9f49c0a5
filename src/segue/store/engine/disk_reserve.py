"""A reserve of disk space, so that deletions succeed on a full disk.

A deletion needs space too: it writes changed pages to the WAL before it frees any. Plan:

1. The daemon allocates a file without a name beside the database, a smaller one if the disk has little space. The
   kernel frees it when the daemon ends.
2. When the disk is full, a deletion releases the space and runs again.
3. While the reserve is released, all other writes are refused, because they would use it up.
4. A later write first allocates the reserve again. When that succeeds, the disk has space, and all writes run.
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

log = logging.getLogger("segue.store")

MEBIBYTE = 1024 * 1024
RESERVE_BYTES = (16 * MEBIBYTE, 4 * MEBIBYTE, MEBIBYTE)
"""Bytes: enough for the WAL of a deletion, which overwrites deleted text, and of the purge after it.

The others are for a disk that has no space for the first.
"""

ATTEMPT_SECONDS = 1.0
"""Seconds between two attempts to allocate the reserve again."""


class DiskReserve:
    """The reserve, allocated or released. A system without posix_fallocate has none."""

    def __init__(self, database: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.released = False
        """True from a release until the space is allocated again: only deletions may write."""
        self.held = False
        """True from `hold` to `resume`."""
        self._directory = database.parent
        self._monotonic = monotonic
        self._next_attempt = 0.0
        self._file: IO[bytes] | None = None
        self._bytes = 0
        self.allocate()

    def allocate(self) -> None:
        """Allocate as much as the disk has space for, if nothing is allocated yet."""
        if not self._bytes:
            self._bytes = next(filter(self._allocate, RESERVE_BYTES), 0)

    def hold(self) -> None:
        """Leave a full disk to deletions until `resume`."""
        self.held = self.released = True

    def resume(self) -> None:
        """Allow all writes as soon as the disk has space for the reserve, or immediately if it never had."""
        self.held = False
        self.released = self._file is None and self._bytes > 0
        self.allocate()

    def release(self) -> bool:
        """Free the space; return False if there is none to free."""
        if self._file is None:
            return False
        self.close()
        self.released = True
        self._next_attempt = self._monotonic() + ATTEMPT_SECONDS
        log.warning("the disk is full: released %d bytes for deletions, other writes are refused", self._bytes)
        return True

    def allocate_again(self) -> bool:
        """Return True if the disk has space again. Tries at most once in ATTEMPT_SECONDS."""
        if self.released and not self.held and self._monotonic() >= self._next_attempt:
            self._next_attempt = self._monotonic() + ATTEMPT_SECONDS
            self.released = not self._allocate(self._bytes)
        return not self.released

    def close(self) -> None:
        """Free the space for good."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):  # The kernel frees the space even if it reports an error.
                file.close()

    def _allocate(self, size: int) -> bool:
        if not hasattr(os, "posix_fallocate"):
            return False
        with suppress(OSError):
            file = TemporaryFile(dir=self._directory)  # noqa: SIM115 - it stays open, and so allocated
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError:
                file.close()
                raise
            self._file = file
        return self._file is not None
