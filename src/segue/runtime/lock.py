"""Ownership: a lock that the kernel lets go of when we die, however we die.

Liveness is this lock, never a pid or a path: a pid is recycled, a path outlives its daemon. The lock file is
never unlinked, or two could hold "the" lock; and no descriptor of it is inherited, or a child would keep it.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from segue.errors import AlreadyRunning, StartError
from segue.files import FILE_MODE, open_private

PID_BYTES = 20
"""More than any pid has digits."""


def take_lock(path: Path, owned: str) -> int:
    """A descriptor that holds the lock until it is closed.

    Raises AlreadyRunning if another process holds it, StartError if there can be no lock here.
    """
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise StartError("lock", f"cannot open {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(descriptor, FILE_MODE)
    except BlockingIOError:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise AlreadyRunning("already running", f"another segued{holder} owns {owned}") from None
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EOPNOTSUPP, errno.ENOLCK):
            raise StartError("lock", f"{path.parent} cannot hold locks; it must be on a local disk") from None
        raise StartError("lock", f"cannot lock {path}: {error.strerror}") from None
    _leave_pid(descriptor)
    return descriptor


def release_lock(descriptor: int) -> None:
    """Let go of it, and name nobody any more."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)


def _leave_pid(descriptor: int) -> None:
    """Write who holds it into the file, for words only; on a full disk nobody is named."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    with suppress(OSError):
        pid = os.pread(descriptor, PID_BYTES, 0).strip()
        return f" (pid {pid.decode()})" if pid.isdigit() else ""
    return ""
