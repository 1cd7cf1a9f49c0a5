"""Name the daemon that does not respond, for the messages of timeouts."""

from segue.paths import Paths
from segue.runtime.daemon_record import read_record
from segue.runtime.lock import lock_holder


def hang_hint(paths: Paths | None) -> str:
    """Return the hint for a connection that times out; nothing if its socket is not that of the database's holder."""
    if paths is None:
        return ""
    record = read_record(paths)
    other_socket = paths.socket_explicit if record is None else record.socket != str(paths.socket)
    return "" if other_socket else holder_hint(paths)


def holder_hint(paths: Paths) -> str:
    """Return what to do about the process that holds the database; nothing if no process does."""
    pid = lock_holder(paths.lock)
    return "" if pid is None else f"; segued (pid {pid}) holds the database: wait if it is busy, else run: kill {pid}"
