"""The user and the process at the other end of a Unix socket, as the kernel reports them."""

import os
import socket
import struct
import sys

_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2  # macOS
_XUCRED = struct.Struct("IIh16I")  # macOS: version, uid, number of groups, groups


def peer_uid(connection: socket.socket) -> int:
    """Return the user ID of the peer.

    Raises:
        OSError: the kernel does not report it.
    """
    if sys.platform == "darwin":
        raw = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        return int(_XUCRED.unpack(raw)[1])
    return int(_linux_credentials(connection)[1])


def peer_pid(connection: socket.socket) -> int | None:
    """Return the pid of the process that connected, or that called listen(2); None if the kernel does not say."""
    try:
        if sys.platform == "darwin":
            return connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
        return int(_linux_credentials(connection)[0])
    except (OSError, struct.error):
        return None


def is_same_user(connection: socket.socket) -> bool:
    """Return True if the peer has this process's user ID.

    Root is refused too: root can read the file, and a connection as root is most often a mistake.
    """
    try:
        return peer_uid(connection) == os.geteuid()
    except OSError:
        return False


def _linux_credentials(connection: socket.socket) -> tuple[int, ...]:
    return _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
