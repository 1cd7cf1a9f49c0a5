"""A backup of the whole database as one file, written while clients write.

Plan:

1. Make a private directory beside the target. In a directory such as /tmp, another user could otherwise place a
   journal beside the copy, which SQLite would replay.
2. VACUUM INTO writes the copy into it in one read transaction. So the backup is the database of one moment, without the
   free pages in which SQLite keeps deleted rows. The WAL keeps concurrent writes meanwhile.
3. The copy is synced in pieces while it grows (see `_PieceSync`), then linked or renamed to the target. So the target
   is whole or absent.
4. The target's directory is synced.

SQLite's backup API is not used, because it starts again after each commit of another connection.
"""

import os
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from segue.errors import Conflict, InvalidParams, SegueError
from segue.files import DIRECTORY_MODE, FILE_MODE, size_of, sync_directory
from segue.runtime.progress import Progress
from segue.store.engine.connection import Reader
from segue.store.engine.database_file import is_ours
from segue.store.maintenance.backup_errors import explain, explain_copy
from segue.store.maintenance.temp_files import BACKUP, remove_stale_temp_files

JOURNALS = ("-wal", "-journal")
"""The suffixes of files that SQLite replays into a database of that name."""

PIECE_BYTES = 2 * 1024 * 1024
"""Bytes of the copy after which it is synced. A sync of the WAL waits until the disk has written such a piece."""

PIECE_STEPS = 500
"""SQLite steps between two looks at the size of the copy: 125 rows, a piece if each has 16 KB."""

OR_OVERWRITE = "name another file, or overwrite it (overwrite=true, --overwrite)"


def back_up(connection: Reader, target: Path, progress: Progress, *, overwrite: bool, reserved: Iterable[Path]) -> int:
    """Write a backup to TARGET with mode 0600, sync it and return its size in bytes.

    If it raises, TARGET is unchanged.

    Raises:
        InvalidParams: no backup can be at TARGET, or it is one of the RESERVED paths.
        Conflict: a file is at TARGET, and it is not a database of segue or OVERWRITE is False.
        StorageError: the backup cannot be written.
    """
    try:
        _check_target(target, overwrite=overwrite, reserved=reserved)
        remove_stale_temp_files(target.parent, BACKUP)
        directory = target.with_name(f"{BACKUP}{os.getpid()}-{secrets.token_hex(4)}")
        directory.mkdir(mode=DIRECTORY_MODE)
        try:
            size = _write_copy(connection, directory / "copy.db", target, progress)
            _move_to_target(directory / "copy.db", target, overwrite=overwrite)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        sync_directory(target.parent)
    except OSError as error:
        raise explain(error, target) from error
    return size


def _write_copy(connection: Reader, copy: Path, target: Path, progress: Progress) -> int:
    descriptor = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    try:
        _check_private(descriptor, target)
        progress.begin("copying", _used_bytes(connection), "bytes", count=lambda: size_of(copy))
        _vacuum_into(connection, copy, descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of the database without its free pages."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _check_target(target: Path, *, overwrite: bool, reserved: Iterable[Path]) -> None:
    directory = target.parent.stat()
    if not stat.S_ISDIR(directory.st_mode):
        raise InvalidParams(f"{target.parent} is not a directory", path="$.path")
    if directory.st_mode & 0o022 and not directory.st_mode & stat.S_ISVTX:
        raise InvalidParams(f"other users can write to {target.parent} and could replace the copy", path="$.path")
    if any(_is_same(target, path) for path in reserved):
        raise InvalidParams("is a file of the running daemon", path="$.path")
    for journal in _journals(target):
        if os.path.lexists(journal):
            raise Conflict(f"{journal} exists, and SQLite would replay it into the copy; remove it", reason="exists")
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
        raise Conflict(f"{target} exists and is not a database of segue; name another file", reason="exists")


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        if one.samefile(other):
            return True
    return os.path.realpath(one.parent) == os.path.realpath(other.parent) and one.name == other.name


def _check_private(descriptor: int, target: Path) -> None:
    """Refuse a file system without modes, such as that of a USB stick."""
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        raise InvalidParams(
            f"the file system of {target.parent} cannot keep a file private; name another one", path="$.path"
        )


class _PieceSync:
    """Syncs of a file that grows, after each `PIECE_BYTES`, with pauses that leave the disk to others.

    A sync of the WAL waits for what the disk is writing. One sync of a copy of 800 MB delays an append by 300 ms.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._synced = 0
        self.error: OSError | None = None
        """The error of a sync. The kernel reports it only once, so a later sync may succeed."""

    def has_failed(self) -> bool:
        """Sync what was added if it is a piece, and wait as long again; return True if a sync has failed."""
        try:
            size = os.fstat(self._descriptor).st_size
            if size - self._synced >= PIECE_BYTES:
                begun_at = time.monotonic()
                os.fsync(self._descriptor)
                time.sleep(time.monotonic() - begun_at)
                self._synced = size
        except OSError as error:
            self.error = error
        return self.error is not None


def _vacuum_into(connection: Reader, copy: Path, descriptor: int) -> None:
    pieces = _PieceSync(descriptor)
    connection.check_between_steps(PIECE_STEPS, pieces.has_failed)
    try:
        connection.execute("PRAGMA query_only = OFF")  # VACUUM INTO needs this, though it only reads the database.
        connection.execute("VACUUM INTO :path", {"path": str(copy)})
    except sqlite3.Error as error:
        if pieces.error is not None:
            raise pieces.error from error
        cause = explain_copy(error, descriptor)
        raise cause if isinstance(cause, SegueError) else error from error
    os.fsync(descriptor)


def _move_to_target(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.rename(target)
        return
    try:
        os.link(temporary, target)  # Unlike rename, link fails if a file has appeared at the target.
    except FileExistsError:
        raise Conflict(f"{target} exists; {OR_OVERWRITE}", reason="exists") from None
    except OSError:  # The file system has no hard links.
        _check_existing(target, overwrite=False)
        temporary.rename(target)
