"""A copy of the whole database as one file, made while others write: whole under its name, or not there at all.

It is made by VACUUM INTO in one read transaction: a moment of the database, without the free pages in which SQLite
keeps what was deleted. Writers go on; the WAL keeps what they write meanwhile and is folded in afterwards. (The
backup API begins anew whenever another connection commits, and never ends under writers that do not pause.)
"""

import os
import secrets
import sqlite3
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from segue.errors import Conflict, InvalidParams, SegueError
from segue.files import open_private, sync_directory
from segue.store.engine.database_file import is_ours
from segue.store.maintenance.backup_errors import explain, explain_copy
from segue.store.maintenance.temp_files import BACKUP, sweep

JOURNALS = ("-wal", "-journal")
"""Beside a database of that name SQLite would take these for its own, and play them into it."""

OR_OVERWRITE = "name another file, or overwrite it (overwrite=true, --overwrite)"


def back_up(connection: sqlite3.Connection, target: Path, *, overwrite: bool, taken: Iterable[Path]) -> int:
    """Bytes of the copy, which stands at `target`, 0600 and on the disk, when this returns.

    Raises InvalidParams for a place where no copy can be, or one of those `taken`, Conflict if something is there,
    StorageError if it cannot be written; then nothing new is there.
    """
    try:
        _check_place(target, overwrite=overwrite, taken=taken)
        sweep(target.parent, BACKUP)
        temporary = target.with_name(f"{BACKUP}{os.getpid()}-{secrets.token_hex(4)}")
        descriptor = open_private(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            _check_private(descriptor, target)
            _copy(connection, temporary, descriptor)
            size = os.fstat(descriptor).st_size
            _put_in_place(temporary, target, overwrite=overwrite)
        finally:
            os.close(descriptor)
            for path in (temporary, *_journals(temporary)):
                path.unlink(missing_ok=True)
        sync_directory(target.parent)
    except OSError as error:
        raise explain(error, target) from error
    return size


def _check_place(target: Path, *, overwrite: bool, taken: Iterable[Path]) -> None:
    folder = target.parent.stat()
    if not stat.S_ISDIR(folder.st_mode):
        raise InvalidParams(f"{target.parent} is no directory", path="$.path")
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        raise InvalidParams(f"others can write to {target.parent}, and could replace the copy", path="$.path")
    if any(_is_same(target, place) for place in taken):
        raise InvalidParams("is a file of the running daemon", path="$.path")
    for beside in _journals(target):
        if os.path.lexists(beside):
            raise Conflict(f"{beside} exists, and would be taken for a part of the copy", reason="exists")
    _check_existing(target, overwrite=overwrite)


def _journals(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in JOURNALS]


def _check_existing(target: Path, *, overwrite: bool) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise InvalidParams("is a directory; name a file in it", path="$.path")
    if not stat.S_ISREG(mode):
        raise InvalidParams("is not a regular file", path="$.path")
    if not overwrite:
        raise Conflict(f"{target} exists; {OR_OVERWRITE}", reason="exists")
    if not is_ours(target):
        raise Conflict(f"{target} exists and is no database of segue; it is not overwritten", reason="exists")


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        if one.samefile(other):
            return True
    return os.path.realpath(one.parent) == os.path.realpath(other.parent) and one.name == other.name


def _check_private(descriptor: int, target: Path) -> None:
    """InvalidParams on a file system without modes, such as that of a USB stick."""
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        raise InvalidParams(f"the file system of {target.parent} cannot keep a file private", path="$.path")


def _copy(connection: sqlite3.Connection, temporary: Path, descriptor: int) -> None:
    try:
        connection.execute("PRAGMA query_only = OFF")  # of this connection; VACUUM INTO only reads the database
        connection.execute("VACUUM INTO :path", {"path": str(temporary)})
    except sqlite3.Error as error:
        fault = explain_copy(error, descriptor)
        raise fault if isinstance(fault, SegueError) else error from error
    os.fsync(descriptor)


def _put_in_place(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.rename(target)
        return
    try:
        os.link(temporary, target)  # unlike rename, this fails if something came there meanwhile
    except FileExistsError:
        raise Conflict(f"{target} exists; {OR_OVERWRITE}", reason="exists") from None
    except OSError:  # a file system without hard links
        _check_existing(target, overwrite=False)
        temporary.rename(target)
