"""The errors of a backup, which tell whether the backup's directory or the database failed."""

import errno
import os
import sqlite3
from pathlib import Path

from segue.errors import InvalidParams, SegueError, StorageError
from segue.store.engine.sqlite_errors import DISK_FULL_ERRNOS, to_segue_error

_INVALID_PATH = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
_NOT_PERMITTED = (errno.EACCES, errno.EPERM, errno.EROFS)
_PRIMARY = 0xFF
_PAGE = bytes(4096)


def explain(error: OSError, target: Path) -> SegueError:
    """Return the error for a client whose backup cannot be written to TARGET."""
    if error.errno in DISK_FULL_ERRNOS:
        return StorageError(f"storage: no room for the copy in {target.parent}", reason="full")
    if error.errno in _INVALID_PATH:
        return InvalidParams(f"cannot make {target}: {error.strerror}", path="$.path")
    reason = "read_only" if error.errno in _NOT_PERMITTED else "io"
    return StorageError(f"storage: cannot write {target}: {error.strerror}", reason=reason)


def explain_copy(error: sqlite3.Error, descriptor: int) -> Exception:
    """Return the error for a copy that SQLite did not finish.

    SQLite does not say which of the two files failed. One more page written to the copy tells.

    Raises:
        OSError: the copy cannot be written.
    """
    code = (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        os.pwrite(descriptor, _PAGE, os.fstat(descriptor).st_size)
    if code == sqlite3.SQLITE_FULL:  # SQLite has freed the rest of the copy, so the page fits, but the copy does not.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return to_segue_error(error)
