"""The lock file that makes a daemon the only one, and the process that holds it.

The kernel releases the lock when its holder dies, however it dies. A pid or a path proves nothing: the kernel reuses
pids, and a socket's path outlives its daemon. The lock file is never unlinked, because two processes could then each
lock a file of that name. No child inherits the descriptor, because a child would keep the lock.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from segue.errors import AlreadyRunning, StartError
from segue.files import FILE_MODE, close_unwritten, open_private

PID_BYTES = 20
"""Bytes: read at most this much of a lock file for the pid. No pid has more digits."""

NOTE_BYTES = 200
"""Bytes: the longest note."""


def take_lock(path: Path, owned: str) -> int:
    """Lock the file and return a descriptor that holds the lock until it is closed.

    `owned` is the path that error messages name.

    Raises:
        AlreadyRunning: another process holds the lock.
        StartError: the file cannot be opened or locked.
    """
    try:
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise StartError("lock", f"cannot open {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(descriptor, FILE_MODE)
    except BlockingIOError:
        pid = _read_pid(descriptor)
        close_unwritten(descriptor)
        holder = f" (pid {pid})" if pid is not None else ""
        raise AlreadyRunning("already running", f"another segued{holder} owns {owned}") from None
    except OSError as error:
        close_unwritten(descriptor)
        if error.errno in (errno.EOPNOTSUPP, errno.ENOLCK):
            raise StartError("lock", f"{path.parent} cannot hold locks; it must be on a local disk") from None
        raise StartError("lock", f"cannot lock {path}: {error.strerror}") from None
    _write_pid(descriptor)
    return descriptor


def release_lock(descriptor: int) -> None:
    """Clear the pid in the lock file and release the lock."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
    close_unwritten(descriptor)


def lock_holder(path: Path) -> int | None:
    """Return the pid of the living process that holds the lock; None if no process does."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        pid = _read_pid(descriptor)
        return pid if pid is not None and is_alive(pid) and _is_locked(descriptor) else None
    finally:
        close_unwritten(descriptor)


def is_lock_held(path: Path) -> bool:
    """Return True if a process on any machine holds the lock."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return _is_locked(descriptor)
    finally:
        close_unwritten(descriptor)


def write_note(path: Path, note: str) -> None:
    """Write a line after the pid of this process, which holds the lock; an empty note leaves only the pid.

    A process that waits for the lock reads it.
    """
    data = f"{os.getpid()}\n{note}".encode()[:NOTE_BYTES].rstrip() + b"\n"
    with suppress(OSError):
        descriptor = open_private(path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        finally:
            close_unwritten(descriptor)


def read_note(path: Path) -> tuple[str, int]:
    """Return the note of the process that holds the lock, and when it was written; without a note the text is empty."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return "", 0
    try:
        lines = os.pread(descriptor, NOTE_BYTES + 1, 0).decode(errors="replace").split("\n")
        if len(lines) > 2 and lines[0].isdigit() and is_alive(int(lines[0])) and _is_locked(descriptor):
            return lines[1], os.fstat(descriptor).st_mtime_ns
    except OSError:
        pass
    finally:
        close_unwritten(descriptor)
    return "", 0


def is_alive(pid: int) -> bool:
    """Return True if a process with this pid exists and this user may send it a signal."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 1


def _is_locked(descriptor: int) -> bool:
    """Return True if another process holds the lock; if none does, this takes it until the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _write_pid(descriptor: int) -> None:
    """Write this process's pid, which only error messages use, so a full disk is no error."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _read_pid(descriptor: int) -> int | None:
    try:
        text = os.pread(descriptor, PID_BYTES, 0).partition(b"\n")[0].strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
