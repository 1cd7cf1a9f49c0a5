"""Where a daemon that a client started writes its log: one file of this user's, not growing without end."""

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from segue.files import FILE_MODE, is_own_file, make_own_directory, open_private
from segue.paths import APP

JOURNAL_NAME = "segued.log"
JOURNAL_BYTES = 1 << 20
"""A file longer than this is set aside, in place of the one before it, when the next daemon starts."""


def journal_path() -> Path:
    """The log of daemons that were started by a client."""
    return platformdirs.user_state_path(APP) / JOURNAL_NAME


def open_journal() -> tuple[int, str]:
    """A descriptor to write to, and its name for a person; /dev/null where there can be no log."""
    path = journal_path()
    with suppress(OSError):
        if not path.is_absolute():
            raise FileNotFoundError
        make_own_directory(path.parent)
        _set_aside(path)
        journal = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        if is_own_file(os.fstat(journal)):
            os.fchmod(journal, FILE_MODE)
            return journal, str(path)
        os.close(journal)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), f"what `segued` says in a terminal (no log at {path})"


def _set_aside(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.lstat().st_size > JOURNAL_BYTES:
            path.rename(path.with_name(path.name + ".1"))
