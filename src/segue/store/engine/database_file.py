"""Checks and permissions of the database file before SQLite opens it."""

import os
import shlex
import stat
from pathlib import Path

from segue.errors import StartError
from segue.files import FILE_MODE, open_private, sync_directory

HEADER_BYTES = 100
MAGIC = b"SQLite format 3\0"
APPLICATION_ID = 0x53656775
"""'Segu' in the file's header. It identifies a database of segue, also for file(1)."""

COMPANIONS = ("-wal", "-shm")
"""The suffixes of SQLite's own files beside the database. SQLite gives them the database's mode."""


def check_file(path: Path) -> None:
    """Check, without changing anything, that PATH is free or holds a database of segue.

    The file's header has the application ID from the first page on, whatever the WAL still holds.

    Raises:
        StartError: another file is at PATH, or it cannot be read.
    """
    try:
        if not path.is_file() or path.is_symlink():
            return  # Either nothing is there yet, or `prepare_file` reports why it cannot be opened.
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError as error:
        raise StartError("database", f"cannot open {path}: {error.strerror}") from None
    if not header:
        return
    if not header.startswith(MAGIC):
        text = f"{path} is not a SQLite database; move it away or name a different file"
        raise StartError("database", text)
    schema, version, application = (int.from_bytes(header[start : start + 4]) for start in (40, 60, 68))
    # All 0: another daemon is creating the file at this moment, or was killed while it did.
    if application != APPLICATION_ID and (schema or version or application):
        raise StartError("database", f"{path} is another program's database; name a different file")


def is_ours(path: Path) -> bool:
    """Return True if the file's header identifies a database of segue."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return header.startswith(MAGIC) and int.from_bytes(header[68:72]) == APPLICATION_ID


def prepare_file(path: Path) -> None:
    """Create the database with mode 0600 if it is missing, and set that mode on files that have a wider one.

    Call it before SQLite opens the file, because closing any descriptor of the file drops the locks of SQLite.

    Raises:
        StartError: a file is not a regular file of this user, or cannot be opened.
    """
    created = not path.exists()
    _prepare(path, os.O_CREAT, "name the file itself")
    for suffix in COMPANIONS:
        companion = path.with_name(path.name + suffix)
        if os.path.lexists(companion):
            _prepare(companion, 0, "move it away")
    if created:
        try:
            sync_directory(path.parent)
        except OSError as error:
            raise StartError("database", f"cannot open {path}: {error.strerror}") from None


def _prepare(file: Path, flags: int, fix: str) -> None:
    try:
        _tighten(file, flags)
    except OSError as error:
        reason = f"is a symbolic link; {fix}" if file.is_symlink() else error.strerror
        raise StartError("database", f"cannot open {file}: {reason}") from None


def wide_files(path: Path) -> list[str]:
    """Return a sentence for each database file that other users may read or write."""
    problems = []
    for file in (path, *(path.with_name(path.name + suffix) for suffix in COMPANIONS)):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except FileNotFoundError:
            continue
        if mode & 0o077:
            problems.append(f"{file} has mode {mode:04o}; run: chmod 600 {shlex.quote(str(file))}")
    return problems


def _tighten(path: Path, flags: int = 0) -> None:
    descriptor = open_private(path, os.O_RDWR | flags)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "not a regular file")
        if found.st_uid != os.geteuid():
            raise OSError(0, f"it belongs to user {found.st_uid}")
        if found.st_mode & 0o077:
            os.fchmod(descriptor, FILE_MODE)
    finally:
        os.close(descriptor)
