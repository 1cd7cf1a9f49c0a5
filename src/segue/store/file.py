"""The database file before SQLite opens it: ours, private from its first instant, in a directory of ours."""

import os
import stat
from pathlib import Path

from segue.errors import StartError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
COMPANIONS = ("-wal", "-shm")
"""SQLite's own files beside the database; it gives them the database's mode."""


def prepare_directory(directory: Path, subject: str) -> None:
    """Make the directory 0700 if it is missing; StartError if it is not ours or others can write to it."""
    try:
        directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise StartError(subject, f"cannot make {directory}: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        raise StartError(subject, f"{directory} belongs to user {found.st_uid}, not to us; choose another directory")
    if found.st_mode & 0o022:
        mode = stat.S_IMODE(found.st_mode)
        raise StartError(subject, f"others can write to {directory} (mode {mode:04o}); run: chmod 700 '{directory}'")


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
            _sync_directory(path.parent)
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
            problems.append(f"{file} has mode {mode:04o}; run: chmod 600 '{file}'")
    return problems


def _tighten(path: Path, flags: int = 0) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, FILE_MODE)
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


def _sync_directory(directory: Path) -> None:
    # SQLite syncs the directory for its journals, but a database that we created it takes as given.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
