"""The user at the other end of a Unix socket, as the kernel reports it."""

import os
import socket
import struct
import sys

_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # macOS
_XUCRED = struct.Struct("IIh16I")  # macOS: version, uid, number of groups, groups


def peer_uid(connection: socket.socket) -> int:
    """Return the user ID of the peer.

    Raises:
        OSError: the kernel does not report it.
    """
    if sys.platform == "darwin":
        raw = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        return int(_XUCRED.unpack(raw)[1])
    return int(_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))[1])


def is_same_user(connection: socket.socket) -> bool:
    """Return True if the peer has this process's user ID.

    Root is refused too: root can read the file, and a connection as root is most often a mistake.
    """
    try:
        return peer_uid(connection) == os.geteuid()
    except OSError:
        return False
