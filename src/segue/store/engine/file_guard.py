"""Which files the open database is, to notice when somebody removes or replaces one under it."""

import logging
import os
from pathlib import Path

from segue.errors import StorageError
from segue.store.engine.database_file import COMPANIONS

log = logging.getLogger("segue.store")


class FileGuard:
    """The files as they are when this is made; what is written after one is lost would be lost with it."""

    def __init__(self, path: Path) -> None:
        names = [os.fspath(path), *(f"{path}{suffix}" for suffix in COMPANIONS)]
        self._files = [(name, inode) for name in names if (inode := _inode(name))]
        self._lost: str | None = None

    def lost(self) -> str | None:
        """A sentence if a file is gone or another one, now or at an earlier look; logged when it is noticed."""
        if self._lost is None and (name := self._missing()):
            self._lost = f"{name} was removed or replaced while segued had it open; restart segued"
            log.error("%s", self._lost)
        return self._lost

    @property
    def is_lost(self) -> bool:
        """Whether an earlier look found one gone; without another look."""
        return self._lost is not None

    def error(self) -> StorageError:
        """What whoever asks for the files is told then."""
        return StorageError("storage: the database was removed or replaced; restart segued", reason="io")

    def _missing(self) -> str | None:
        for name, inode in self._files:
            if _inode(name, otherwise=inode) != inode:
                return name
        return None


def _inode(name: str, otherwise: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Which file it is, not following a link: SQLite of another program would, to a WAL beside the link's end.

    None if there is none, and `otherwise` where that cannot be told.
    """
    try:
        found = os.lstat(name)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return otherwise
    return found.st_dev, found.st_ino
