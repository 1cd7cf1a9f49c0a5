"""Open the log file of daemons that clients start."""

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from segue.files import FILE_MODE, is_own_file, make_own_directory, open_private
from segue.paths import APP

LOG_NAME = "segued.log"
MAX_LOG_BYTES = 1 << 20
"""Bytes: a longer log is renamed to `segued.log.1`, replacing the previous one, when the next daemon starts."""


def log_path() -> Path:
    """Return the path of the log."""
    return platformdirs.user_state_path(APP) / LOG_NAME


def open_log() -> tuple[int, str]:
    """Open the log and return its descriptor and its description for messages; use /dev/null if it cannot be opened."""
    path = log_path()
    with suppress(OSError):
        if not path.is_absolute():
            raise FileNotFoundError
        make_own_directory(path.parent)
        _rotate(path)
        log = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        if is_own_file(os.fstat(log)):
            os.fchmod(log, FILE_MODE)
            return log, str(path)
        os.close(log)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), f"the output of `segued` in a terminal (no log at {path})"


def _rotate(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.lstat().st_size > MAX_LOG_BYTES:
            path.rename(path.with_name(path.name + ".1"))
