"""Who does not answer: words for the person who has to do something about it.

`kill` is advised for a process only if it holds the lock of the database at this moment and, where a connection tells
whose socket it is, is the one at its other end: a pid in a file may long be somebody else's.
"""

import fcntl
import os
import socket
import struct
import sys

from segue.paths import Paths

PID_BYTES = 20

_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_SOL_LOCAL, _LOCAL_PEERPID = 0, 2  # macOS


def advice(paths: Paths) -> str:
    """What to do about a daemon that has the database and does not answer; nothing if none has it."""
    pid = _holder(paths)
    if pid is None:
        return ""
    return (
        f"; segued (pid {pid}) has the database and does not answer: "
        f"give it time if it is busy, or end it with `kill {pid}`, if need be `kill -9 {pid}`"
    )


def advice_on_peer(connected: socket.socket, paths: Paths | None) -> str:
    """The same about the daemon of a connection; of a peer that does not hold the database only who it is."""
    peer = _peer(connected)
    if peer is None:
        return ""
    if paths is not None and peer == _holder(paths):
        return advice(paths)
    return f"; process {peer} opened the socket"


def _holder(paths: Paths) -> int | None:
    """The process that wrote itself into the lock of the database, if it lives and the lock is held."""
    try:
        lock = os.open(paths.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        pid = int(os.read(lock, PID_BYTES))
        return pid if _lives(pid) and _is_held(lock) else None
    except (OSError, ValueError):
        return None
    finally:
        os.close(lock)


def _is_held(lock: int) -> bool:
    """Whether somebody has it; asked last, for if nobody has, we do for an instant."""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _peer(connected: socket.socket) -> int | None:
    """The process that called listen(2) on the other end, if it lives and the kernel says so."""
    try:
        if sys.platform == "darwin":
            pid = connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
        else:
            raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            pid = int(_UCRED.unpack(raw)[0])
    except (OSError, struct.error):
        return None
    return pid if _lives(pid) else None


def _lives(pid: int) -> bool:
    """Whether it is a process that we could send a signal."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 1
