"""The lock file that makes a daemon the only one, and the process that holds it.

The kernel releases the lock when its holder dies, however it dies. A pid or a path proves nothing: the kernel reuses
pids, and a socket's path outlives its daemon. The lock file is never unlinked, because two processes could then each
lock a file of that name. No child inherits the descriptor, because a child would keep the lock.

The file has two lines for error messages: the pid, and the machine with its name. Pids of another machine mean nothing.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from segue.errors import AlreadyRunning, StartError
from segue.files import FILE_MODE, open_private

MAX_LOCK_BYTES = 512
"""Bytes: read at most this much of a lock file. A host name has up to 255."""


class Holder(NamedTuple):
    """The process that holds a lock."""

    pid: int
    host: str | None
    """The name of the other machine or container in which it runs; None for this one."""


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
        holder = _read_holder(descriptor)
        os.close(descriptor)
        raise AlreadyRunning("already running", f"another segued{_describe(holder)} owns {owned}") from None
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EOPNOTSUPP, errno.ENOLCK):
            raise StartError("lock", f"{path.parent} cannot hold locks; it must be on a local disk") from None
        raise StartError("lock", f"cannot lock {path}: {error.strerror}") from None
    _write_holder(descriptor)
    return descriptor


def release_lock(descriptor: int) -> None:
    """Clear the pid in the lock file and release the lock."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)


def lock_holder(path: Path) -> Holder | None:
    """Return the living process that holds the lock; None if no process does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        holder = _read_holder(descriptor)
        if holder is None or (holder.host is None and not is_alive(holder.pid)):
            return None
        return holder if _is_locked(descriptor) else None
    finally:
        os.close(descriptor)


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


def _write_holder(descriptor: int) -> None:
    """Write this process into the file, which only error messages use, so a full disk is no error."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n{_machine()} {os.uname().nodename}\n".encode(), 0)


def _read_holder(descriptor: int) -> Holder | None:
    try:
        lines = os.pread(descriptor, MAX_LOCK_BYTES, 0).decode(errors="replace").splitlines()
    except OSError:
        return None
    if not lines or not (lines[0].isascii() and lines[0].isdigit()):
        return None
    machine, _, host = lines[1].partition(" ") if len(lines) > 1 else ("", "", "")
    return Holder(int(lines[0]), host or "unknown" if machine and machine != _machine() else None)


def _describe(holder: Holder | None) -> str:
    if holder is None:
        return ""
    return f" (pid {holder.pid})" if holder.host is None else f" on another host or container ({holder.host})"


def _machine() -> str:
    """Return an ID of the running kernel and its pid namespace; the host name if the system has no such IDs."""
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{kernel}:{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return os.uname().nodename
