"""The lock on the database file itself, whatever its name.

The lock file beside the database excludes a second daemon with the same path. A hard link, or a bind mount of the file
into a container, gives the same file a second path and so a second lock file. SQLite then uses a WAL for each path, and
the daemons overwrite each other's commits.

Plan:

1. Lock the inode with flock(2), before SQLite opens the file and until it has closed it.
2. Refuse a file with more than one hard link, because another program may open it by the other name later.

The descriptor stays open while SQLite has the file open, because closing any descriptor drops SQLite's locks. On Linux
flock and the fcntl locks of SQLite do not affect each other on a local file system. On macOS and the BSDs they do: an
flock would block SQLite. There only the check of hard links and the lock file protect the database.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segue.errors import AlreadyRunning, StartError
from segue.files import close_unwritten

HAS_INDEPENDENT_FLOCK = sys.platform == "linux"

SUBJECT = "already running"


@contextmanager
def lock_database_file(path: Path) -> Iterator[None]:
    """Hold the lock on the file at PATH, which exists, for the length of the context.

    Raises:
        AlreadyRunning: another process holds the lock, or the file has more than one hard link.
        StartError: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise StartError("database", f"cannot open {path}: {error.strerror}") from None
    try:
        if HAS_INDEPENDENT_FLOCK:
            _lock(descriptor, path)
        if (links := os.fstat(descriptor).st_nlink) > 1:
            others = _other_names(path) or "unknown"
            text = f"{path} has {links} hard links, the other: {others}; remove one, because two daemons would mix up"
            raise AlreadyRunning(SUBJECT, text)
        yield
    finally:
        close_unwritten(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        others = _other_names(path)
        name = f" as {others}" if others else ""
        raise AlreadyRunning(SUBJECT, f"another segued serves the file {path}{name}; stop it first") from None
    except OSError as error:
        raise StartError("database", f"cannot lock {path}: {error.strerror}; use a local disk") from None


def _other_names(path: Path) -> str:
    """Return the other names of the file that can be found: in its directory, and as open files of this user."""
    found = path.stat()
    candidates = [*path.parent.iterdir(), *_open_files()]
    names = {
        os.fspath(candidate)
        for candidate in candidates
        if candidate != path and _is_same_file(candidate, found) and not _is_same_name(candidate, path)
    }
    return ", ".join(sorted(names))


def _open_files() -> Iterator[Path]:
    """Yield the paths of the open files of all processes that this one may inspect."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            yield link.readlink()


def _is_same_file(path: Path, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), found)
    except OSError:
        return False


def _is_same_name(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
