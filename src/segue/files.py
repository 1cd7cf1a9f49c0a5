"""Folders of ours: private from their first instant, and never made in somebody else's home."""

import errno
import os
from pathlib import Path

FOLDER_MODE = 0o700


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
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def make_folder_of_ours(folder: Path) -> None:
    """The same; PermissionError too if it is there and another user's, for no file of root's is to be left in it."""
    make_folder(folder)
    if folder.stat().st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", os.fspath(folder))
