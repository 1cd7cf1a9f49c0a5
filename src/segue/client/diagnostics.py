"""Who does not answer: words for the person who has to do something about it.

`kill` is advised for a process only if it holds the lock of the database at this moment and, where a connection tells
whose socket it is, is the one at its other end: a pid in a file may long be somebody else's.
"""

import socket

from segue.paths import Paths
from segue.runtime.lock import is_alive, lock_holder
from segue.runtime.peer_credentials import peer_pid


def advice(paths: Paths) -> str:
    """What to do about a daemon that has the database and does not answer; nothing if none has it."""
    pid = lock_holder(paths.lock)
    if pid is None:
        return ""
    return (
        f"; segued (pid {pid}) has the database and does not answer: "
        f"give it time if it is busy, or end it with `kill {pid}`, if need be `kill -9 {pid}`"
    )


def advice_on_peer(connected: socket.socket, paths: Paths | None) -> str:
    """The same about the daemon of a connection; of a peer that does not hold the database only who it is."""
    peer = peer_pid(connected)
    if peer is None or not is_alive(peer):
        return ""
    if paths is not None and peer == lock_holder(paths.lock):
        return advice(paths)
    return f"; process {peer} opened the socket"
