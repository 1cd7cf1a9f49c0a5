"""The check that the paths of the open database still lead to its files."""

import logging
import os
from pathlib import Path

from segue.errors import StorageError
from segue.store.engine.database_file import COMPANIONS

log = logging.getLogger("segue.store")

LOCK_SUFFIX = ".lock"


class FileGuard:
    """The device and inode of each database file when the store opened it.

    A write after a file was removed or replaced would be lost with the old file. Without the lock file a second daemon
    could start.
    """

    def __init__(self, path: Path) -> None:
        names = [os.fspath(path), *(f"{path}{suffix}" for suffix in (*COMPANIONS, LOCK_SUFFIX))]
        self._files = [(name, identity) for name in names if (identity := _identity(name))]
        self._problem: str | None = None

    def find_replaced(self) -> str | None:
        """Return a sentence if a file was removed or replaced, now or at an earlier check; log it the first time."""
        if self._problem is None and (name := self._find_missing()):
            self._problem = f"{name} was removed or replaced while segued had it open; restart segued"
            log.error("%s", self._problem)
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
