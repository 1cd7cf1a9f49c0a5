"""Whether a failed write failed for want of room, which SQLite tells for some causes as it tells a broken disk."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from segue.store.engine.database_file import COMPANIONS

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk is full, the user's quota is, or no file may grow that much (RLIMIT_FSIZE)."""

PROBE_BYTES = 65_536


def lacks_room(database: Path) -> bool:
    """Whether a file that is as large as the largest of the database cannot grow, as a nameless one beside it shows."""
    try:
        with TemporaryFile(dir=database.parent) as probe:
            os.pwrite(probe.fileno(), bytes(PROBE_BYTES), _largest(database))
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in NO_ROOM
    return False


def _largest(database: Path) -> int:
    sizes = [0]
    for suffix in ("", *COMPANIONS):
        with suppress(OSError):
            sizes.append(Path(f"{database}{suffix}").stat().st_size)
    return max(sizes)
