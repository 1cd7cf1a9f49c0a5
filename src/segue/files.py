"""Folders of ours: private from their first instant, and never made in somebody else's home."""

import errno
import os
import shlex
import stat
from pathlib import Path

from segue.errors import StartError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


def make_folder(folder: Path) -> None:
    """Make it, and what is missing above it, 0700 each.

    Raises PermissionError, and makes nothing, if we are root and it would stand in another user's folder: it would be
    in the way of its owner, as with the home that `sudo` keeps. Who is not root can only make it where everybody may.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    if missing and os.geteuid() == 0:
        above = missing[-1].parent
        owner = above.stat().st_uid
        if owner != 0:
            raise PermissionError(errno.EPERM, f"{above} belongs to user {owner}, not to us", os.fspath(folder))
    for path in (*reversed(missing), folder):
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)


def make_folder_of_ours(folder: Path) -> None:
    """The same; PermissionError too if it is there and another user's, for no file of root's is to be left in it."""
    make_folder(folder)
    if folder.stat().st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", os.fspath(folder))


def prepare_directory(directory: Path, subject: str) -> None:
    """Make the directory 0700 if it is missing; StartError if it is not ours or others can write to it."""
    try:
        make_folder(directory)
        found = directory.stat()
    except OSError as error:
        raise StartError(subject, f"cannot make {directory}: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        raise StartError(subject, f"{directory} belongs to user {found.st_uid}, not to us; choose another directory")
    if found.st_mode & 0o022:
        mode = stat.S_IMODE(found.st_mode)
        shared = found.st_mode & stat.S_ISVTX  # /tmp, and whatever else is meant for everybody
        mend = "choose another directory" if shared else f"run: chmod 700 {shlex.quote(str(directory))}"
        raise StartError(subject, f"others can write to {directory} (mode {mode:04o}); {mend}")


def sync_directory(directory: Path) -> None:
    """Make durable which names the directory holds; SQLite does so for its journals only, not for files of ours."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
