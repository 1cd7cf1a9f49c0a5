"""The check that the paths of the open database still lead to its files."""

import logging
import os
import time
from pathlib import Path

from segue.errors import StorageError
from segue.store.engine.database_file import COMPANIONS

log = logging.getLogger("segue.store")

LOCK_SUFFIX = ".lock"


SETTLED_NS = 100_000_000
"""Nanoseconds. A directory's time of change is reliable when it is older than this, which is more than a clock tick."""


class FileGuard:
    """The device and inode of each database file when the store opened it.

    A write after a file was removed or replaced would be lost with the old file. Without the lock file a second daemon
    could start.

    Plan:

    1. The check of each file takes 8 system calls, and a write needs two checks. Therefore `find_replaced` first looks
       at the directory: while its identity and its time of change are the same, no name in it has changed.
    2. After a change the files are checked, and the directory's new state is kept when it is older than `SETTLED_NS`:
       a second change in the same tick of the kernel's clock would leave the time as it is.
    3. A mount over a file does not change the directory. `check_all` always looks at the files; the daemon calls it
       every few seconds.
    """

    def __init__(self, path: Path) -> None:
        names = [os.fspath(path), *(f"{path}{suffix}" for suffix in (*COMPANIONS, LOCK_SUFFIX))]
        self._directory = os.fspath(path.parent)
        self._settled: tuple[int, int, int] | None = None
        """Device, inode and time of change of the directory at a check that found all files."""
        self._files = [(name, identity) for name in names if (identity := _identity(name))]
        self._problem: str | None = None

    def find_replaced(self) -> str | None:
        """Return a sentence if a file was removed or replaced, now or at an earlier check; log it the first time."""
        if self._problem is None and (self._settled is None or self._settled != _directory_state(self._directory)):
            return self.check_all()
        return self._problem

    def check_all(self) -> str | None:
        """Do the same with a look at each file."""
        if self._problem is None:
            state = _directory_state(self._directory)
            if name := self._find_missing():
                self._problem = f"{name} was removed or replaced while segued had it open; restart segued"
                log.error("%s", self._problem)
            is_settled = state is not None and time.time_ns() - state[2] > SETTLED_NS
            self._settled = state if is_settled else None
        return self._problem

    @property
    def replaced(self) -> bool:
        """Return True if an earlier check found a file removed or replaced."""
        return self._problem is not None

    def error(self) -> StorageError:
        """Return the error for a caller that needs the files."""
        return StorageError("storage: the database was removed or replaced; restart segued", reason="io")

    def _find_missing(self) -> str | None:
        for name, identity in self._files:
            if _identity(name, default=identity) != identity:
                return name
        return None


def _directory_state(name: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116 - a Path costs more than the system call
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _identity(name: str, default: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Return device and inode; None if there is no file, DEFAULT if the kernel cannot tell.

    A symbolic link is not followed, because another program would use a WAL beside the link's target.
    """
    try:
        found = os.lstat(name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return default
    return found.st_dev, found.st_ino
