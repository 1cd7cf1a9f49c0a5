"""Ownership: a lock that the kernel lets go of when we die, however we die.

Liveness is this lock, never a pid or a path: a pid is recycled, a path outlives its daemon. The lock file is
never unlinked, or two could hold "the" lock; and no descriptor of it is inherited, or a child would keep it.
"""

import errno
import fcntl
import os
from pathlib import Path

from segue.errors import AlreadyRunning, StartError
from segue.store.file import FILE_MODE


def take_lock(path: Path, owned: str) -> int:
    """A descriptor that holds the lock until it is closed.

    Raises AlreadyRunning if another process holds it, StartError if there can be no lock here.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    except OSError as error:
        raise StartError("lock", f"cannot open {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(descriptor, FILE_MODE)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning("already running", f"another segued owns {owned}") from None
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EOPNOTSUPP, errno.ENOLCK):
            raise StartError("lock", f"{path.parent} cannot hold locks; it must be on a local disk") from None
        raise StartError("lock", f"cannot lock {path}: {error.strerror}") from None
    return descriptor
