"""The database file before SQLite opens it: ours, private from its first instant, in a directory of ours."""

import os
import shlex
import stat
from pathlib import Path

from segue.errors import StartError
from segue.files import FILE_MODE, open_private, sync_directory

HEADER_BYTES = 100
MAGIC = b"SQLite format 3\0"
APPLICATION_ID = 0x53656775
"""'Segu' in the file's header: how we, and file(1), know the file as ours."""

COMPANIONS = ("-wal", "-shm")
"""SQLite's own files beside the database; it gives them the database's mode."""


def check_file(path: Path) -> None:
    """StartError if something is at the path that is not ours to open; it is left exactly as it was.

    SQLite's header tells: our id stands in it from the file's first page on, whatever is still in the WAL.
    """
    try:
        if not path.is_file() or path.is_symlink():
            return  # nothing there yet, or nothing that can be opened, which is told with its reason later
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
    # All 0: nothing was ever made in it. A daemon is making it at this moment, or died on the way.
    if application != APPLICATION_ID and (schema or version or application):
        raise StartError("database", f"{path} is another program's database; name a different file")


def is_ours(path: Path) -> bool:
    """Whether the file's header says that it is a database of segue."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return header.startswith(MAGIC) and int.from_bytes(header[68:72]) == APPLICATION_ID


def prepare_file(path: Path) -> None:
    """Create the database 0600 if it is missing, and make it and its companions 0600 if they were wider.

    Must run before SQLite opens the file: closing any descriptor of it drops the locks that SQLite holds.
    """
    try:
        created = not path.exists()
        _tighten(path, os.O_CREAT)
        for suffix in COMPANIONS:
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                _tighten(companion)
        if created:
            sync_directory(path.parent)
    except OSError as error:
        hint = "is a symbolic link; name the file itself" if path.is_symlink() else error.strerror
        raise StartError("database", f"cannot open {path}: {hint}") from None


def wide_files(path: Path) -> list[str]:
    """A sentence for each of the database's files that others may read or write."""
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
