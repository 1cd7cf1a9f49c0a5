"""Why a copy could not be made, in words that tell its place from the database's."""

import errno
import os
import sqlite3
from pathlib import Path

from segue.errors import InvalidParams, SegueError, StorageError
from segue.store.engine.sqlite_errors import DISK_FULL_ERRNOS, to_segue_error

_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
_NO_LEAVE = (errno.EACCES, errno.EPERM, errno.EROFS)
_PRIMARY = 0xFF
_PAGE = bytes(4096)


def explain(error: OSError, target: Path) -> SegueError:
    """The error for a client whose copy could not be put there."""
    if error.errno in DISK_FULL_ERRNOS:
        return StorageError(f"storage: no room for the copy in {target.parent}", reason="full")
    if error.errno in _NO_PLACE:
        return InvalidParams(f"cannot make {target}: {error.strerror}", path="$.path")
    reason = "read_only" if error.errno in _NO_LEAVE else "io"
    return StorageError(f"storage: cannot write {target}: {error.strerror}", reason=reason)


def explain_copy(error: sqlite3.Error, descriptor: int) -> Exception:
    """The same for a fault in the middle, after which SQLite does not say which of the two files it had.

    A page more written to the copy tells whether that is the one, and raises OSError with the reason.
    """
    code = (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        os.pwrite(descriptor, _PAGE, os.fstat(descriptor).st_size)
    if code == sqlite3.SQLITE_FULL:  # there is room again: what was written of the copy is all that was in its way
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return to_segue_error(error)
