"""The meaning of an error of SQLite or of the operating system for a caller."""

import errno
import os
import sqlite3
from pathlib import Path
from tempfile import TemporaryFile

from segue.errors import Overloaded, SegueError, ShuttingDown, StorageError
from segue.files import size_of
from segue.store.engine.database_file import COMPANIONS

_PRIMARY = 0xFF
"""The mask of the primary result code in an extended one."""

_REASONS = {
    sqlite3.SQLITE_FULL: ("full", "the disk is full"),
    sqlite3.SQLITE_IOERR: ("io", "the file cannot be read or written"),
    sqlite3.SQLITE_CANTOPEN: ("io", "the file cannot be opened"),
    sqlite3.SQLITE_NOLFS: ("io", "the file system does not support large files"),
    sqlite3.SQLITE_NOMEM: ("io", "SQLite has no memory"),
    sqlite3.SQLITE_CORRUPT: ("corrupt", "the file is damaged"),
    sqlite3.SQLITE_NOTADB: ("corrupt", "the file is damaged"),
    sqlite3.SQLITE_READONLY: ("read_only", "the file cannot be written"),
    sqlite3.SQLITE_PERM: ("read_only", "the file cannot be written"),
}

DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, the user's quota is used up, or the process may not write a larger file (RLIMIT_FSIZE)."""

BAD_TEXT = "Could not decode to UTF-8"
"""Part of the message that Python's sqlite3 raises for a text that is not UTF-8; the error has no code."""

PROBE_BYTES = 65_536
"""Bytes that `is_disk_full` writes: more than a small commit needs."""


class StoreFailed(StorageError):
    """An error after which the daemon takes no writes and exits, because only a restart recovers."""


class LocksBroken(StoreFailed):
    """A failure of SQLite's locks, which SQLite reports after retries of about 10 s.

    After a failed unlock, this process holds a lock that SQLite does not know. The exit of the process releases it.
    """

    def __init__(self) -> None:
        super().__init__("storage: the file cannot be locked; the daemon restarts; try again", reason="io")


class CommitOutcomeUnknown(StoreFailed):
    """An I/O error in COMMIT after which the transaction is stored or not stored as a whole.

    SQLite rolls back, but the WAL file may hold all frames of the transaction, and after a crash SQLite replays them.
    A later sync cannot tell whether the disk has them, because the kernel reports a failed write only once.
    """

    def __init__(self) -> None:
        text = "storage: I/O error in COMMIT; whether the request is stored is unknown; retry with a key"
        super().__init__(text, reason="io")


def writes_stopped() -> StorageError:
    """Return the error for a write after `StoreFailed`. Nothing of that write is stored."""
    text = "storage: the daemon takes no writes after an I/O error and restarts; try again"
    return StorageError(text, reason="io")


def may_survive_rollback(error: Exception) -> bool:
    """Return True if a COMMIT that failed with ERROR may have written its last frame.

    A failed write or read comes before the last frame is whole. Without that frame SQLite ignores the transaction.
    """
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & _PRIMARY == sqlite3.SQLITE_IOERR and code not in (
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
    )


def disk_full() -> StorageError:
    """Return the error for a write on a full disk. Nothing of that write is stored."""
    return StorageError("storage: the disk is full", reason="full")


def to_segue_error(error: Exception) -> Exception:
    """Return the error that a client gets for an error of the store; return any other error unchanged."""
    if isinstance(error, OSError):
        reason = "full" if error.errno in DISK_FULL_ERRNOS else "io"
        return StorageError(f"storage: {error.strerror}", reason=reason)
    if isinstance(error, MemoryError):  # The sqlite3 module raises it for SQLITE_NOMEM.
        return StorageError("storage: SQLite has no memory", reason="io")
    if isinstance(error, SegueError) or not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return error
    if code & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Overloaded("another program holds the database; try again")
    if code & _PRIMARY == sqlite3.SQLITE_INTERRUPT:
        return ShuttingDown("the daemon is shutting down")
    if code & _PRIMARY == sqlite3.SQLITE_PROTOCOL:
        return LocksBroken()
    reason_text = _REASONS.get(code & _PRIMARY)
    return StorageError(f"storage: {reason_text[1]}", reason=reason_text[0]) if reason_text else error


def is_damaged_text(connection: sqlite3.Connection, error: Exception) -> bool:
    """Return True if ERROR is that of a text that is not UTF-8, which `text_or_bytes` would read."""
    return connection.text_factory is str and isinstance(error, sqlite3.OperationalError) and BAD_TEXT in str(error)


def text_or_bytes(data: bytes) -> str | bytes:
    """Return the text of a column, or its bytes if they are not UTF-8, so that one row does not end a whole query.

    Connections get this text factory when they meet such a text, because it makes reads slower.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def is_disk_full(database: Path) -> bool:
    """Return True if a file as large as the largest database file cannot grow.

    The probe is a nameless file in the same directory.
    """
    largest = max(size_of(Path(f"{database}{suffix}")) for suffix in ("", *COMPANIONS))
    try:
        with TemporaryFile(dir=database.parent) as probe:
            os.pwrite(probe.fileno(), bytes(PROBE_BYTES), largest)
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in DISK_FULL_ERRNOS
    return False
