"""What an error of SQLite or of the file system means to a caller."""

import errno
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from segue.errors import Overloaded, SegueError, ShuttingDown, StorageError
from segue.store.engine.database_file import COMPANIONS

# Primary result codes: the lowest byte of an extended one.
_PRIMARY = 0xFF
_REASONS = {
    sqlite3.SQLITE_FULL: ("full", "the disk is full"),
    sqlite3.SQLITE_IOERR: ("io", "the file cannot be read or written"),
    sqlite3.SQLITE_CANTOPEN: ("io", "the file cannot be opened"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", "the file is damaged"),
    sqlite3.SQLITE_NOTADB: ("corrupt", "the file is damaged"),
    sqlite3.SQLITE_READONLY: ("read_only", "the file cannot be written"),
    sqlite3.SQLITE_PERM: ("read_only", "the file cannot be written"),
}


def to_segue_error(fault: Exception) -> Exception:
    """The error a client should see for a fault of the store; what is no such fault comes back as it is."""
    if isinstance(fault, SegueError) or not isinstance(fault, sqlite3.Error):
        return _from_os(fault)
    code = getattr(fault, "sqlite_errorcode", None)
    if code is None:
        return fault
    if code & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Overloaded("another program holds the database; try again")
    if code & _PRIMARY == sqlite3.SQLITE_INTERRUPT:
        return ShuttingDown("the daemon is shutting down")
    reason = _REASONS.get(code & _PRIMARY)
    return StorageError(f"storage: {reason[1]}", reason=reason[0]) if reason else fault


def _from_os(fault: Exception) -> Exception:
    if isinstance(fault, OSError):
        reason = "full" if fault.errno in DISK_FULL_ERRNOS else "io"
        return StorageError(f"storage: {fault.strerror}", reason=reason)
    return fault


DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, the user's quota is, or no file may grow that much (RLIMIT_FSIZE)."""

PROBE_BYTES = 65_536


def is_disk_full(database: Path) -> bool:
    """Whether a file that is as large as the largest of the database cannot grow, as a nameless one beside it shows."""
    try:
        with TemporaryFile(dir=database.parent) as probe:
            os.pwrite(probe.fileno(), bytes(PROBE_BYTES), _largest(database))
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in DISK_FULL_ERRNOS
    return False


def _largest(database: Path) -> int:
    sizes = [0]
    for suffix in ("", *COMPANIONS):
        with suppress(OSError):
            sizes.append(Path(f"{database}{suffix}").stat().st_size)
    return max(sizes)
