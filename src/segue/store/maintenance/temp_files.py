"""Removal of temporary files that killed processes left. Their names contain the process ID of their maker."""

import os
import shutil
from contextlib import suppress
from glob import escape
from pathlib import Path

BACKUP = ".segue-backup-"
"""The prefix of the directory of a backup that is being written. The process ID follows."""

RESTORE = ".segue-restore-"
"""The prefix of the directory of a copy that is being validated. The process ID follows."""


def remove_stale_temp_files(directory: Path, *prefixes: str) -> None:
    """Remove temporary files of dead processes, and those with this process's ID, from DIRECTORY.

    Call it before this process makes one. A directory that cannot be read is skipped, because its next use reports it.
    """
    for prefix in prefixes:
        with suppress(OSError):
            for path in list(directory.glob(f"{escape(prefix)}*")):
                process = path.name.removeprefix(prefix).partition("-")[0]
                if process.isascii() and process.isdecimal() and not _is_alive(int(process)):
                    _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_alive(process: int) -> bool:
    """Return True if another process has this ID."""
    if process == os.getpid() or not 0 < process < 2**31:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
