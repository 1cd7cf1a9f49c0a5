"""What killed processes left half made: its name bears the number of the process that made it."""

import os
import shutil
from contextlib import suppress
from glob import escape
from pathlib import Path

BACKUP = ".segue-backup-"
"""Of a copy that is being made; the process id follows, so that what a dead process left can be told from the rest."""

RESTORE = ".segue-restore-"
"""Of the directory of a copy that is being looked over; the process id follows."""


def sweep(folder: Path, *prefixes: str) -> None:
    """Remove what dead processes left here, and what bears our own number: so only before we begin one ourselves."""
    for prefix in prefixes:
        with suppress(OSError):  # of a directory that cannot be read it is not the place to tell
            for path in list(folder.glob(f"{escape(prefix)}*")):
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
    """Whether another process has this number."""
    if process == os.getpid() or not 0 < process < 2**31:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
