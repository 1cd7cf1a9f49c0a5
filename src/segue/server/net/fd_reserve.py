"""The open files that a crowd of clients may not take, because the database needs them to answer anybody."""

import resource
import socket

RESERVE = 16
"""Kept for the store: three reads apart, each with its WAL (6), a copy of the database with its journal and directory
(4), a new socket, the record and its directory (4), and two to be safe."""


def reserve_is_left(listener: socket.socket) -> bool:
    """Whether one more client would leave the reserve untouched.

    The kernel gives the lowest free number, which a copy of the listener shows. No client ever gets one of the
    highest numbers, so that these are free for everything else, whatever else is open.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return True
    try:
        with listener.dup() as probe:
            return probe.fileno() < limit - RESERVE
    except OSError:
        return False
