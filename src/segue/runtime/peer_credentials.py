"""Who is at the other end, by the kernel's word."""

import os
import socket
import struct
import sys

_UCRED = struct.Struct("3i")  # Linux: pid, uid, gid
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1
_XUCRED = struct.Struct("IIh16I")  # macOS: version, uid, number of groups, groups


def peer_uid(connection: socket.socket) -> int:
    """The user id of the process that connected; OSError if the kernel does not say."""
    if sys.platform == "darwin":
        raw = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        return int(_XUCRED.unpack(raw)[1])
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(raw)[1])


def is_ours(connection: socket.socket) -> bool:
    """Whether the peer is the same user as we. Root is not let in: it can read the file, and should say so."""
    try:
        return peer_uid(connection) == os.geteuid()
    except OSError:
        return False
