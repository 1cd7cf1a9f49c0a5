"""Start segued when no daemon serves, once for any number of concurrent clients.

The daemon's own lock on its database decides. The lock file here only avoids useless start attempts:

1. Each client connects, or tries to lock the file `<database>.start`.
2. The client with the lock starts segued and waits for its report.
3. The other clients repeat step 1 until the daemon serves or the deadline passes. While the daemon migrates a large
   file, it notes its steps in its own lock file: the clients show them, and each new one moves the deadline.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from segue.client.autostart.endpoint import endpoint_to_start
from segue.client.autostart.spawn import ALREADY_RUNNING, NO_REPORT, SERVING, show_step, spawn_daemon
from segue.client.connect import try_connect
from segue.client.diagnostics import holder_hint
from segue.client.errors import NotStarted, Unreachable
from segue.files import make_own_directory, open_private
from segue.paths import Paths
from segue.runtime.daemon_record import read_record
from segue.runtime.lock import is_lock_held, read_note
from segue.runtime.progress import STARTING

START_SECONDS = 20.0
"""Seconds: the longest start. A daemon needs half a second, and a previous one may hold the file for 10 s."""

POLL_SECONDS = 0.05
"""Seconds: the pause between two attempts to connect while another process starts the daemon."""

HELD_SECONDS = 0.5
"""Seconds: the pause before the next start while another daemon holds the database, because it may be exiting."""

LOCK_SUFFIX = ".start"


def start_daemon(paths: Paths, timeout: float | None = None) -> socket.socket:
    """Return a connection to the daemon of these paths, and start the daemon if no other process does.

    Raises:
        NotStarted: segued reported an error, or does not serve within `timeout` or START_SECONDS.
    """
    endpoint = endpoint_to_start(paths)
    seconds = min(START_SECONDS, START_SECONDS if timeout is None else timeout)
    deadline = time.monotonic() + seconds
    noted = 0
    reason = "another process is still starting it"
    with _start_lock(paths) as lock:
        while (connected := _connect(endpoint, deadline)) is None:
            step, at = read_note(paths.lock)
            if step and at != noted:
                show_step(step)
                deadline, noted = time.monotonic() + seconds, at
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotStarted(endpoint.socket, f"{reason}{holder_hint(paths)}")
            _check_held_elsewhere(paths)
            if step or not _acquire(lock):
                if not step:
                    STARTING.set("waiting for another process that starts it", 0, None, "")
                time.sleep(POLL_SECONDS)
                continue
            code, report = spawn_daemon(endpoint, left)
            if code == ALREADY_RUNNING:
                _check_served_elsewhere(endpoint, report)
                reason = report
                STARTING.set("waiting for another segued, which starts or stops", 0, None, "")
                time.sleep(HELD_SECONDS)
            elif code != SERVING:
                raise NotStarted(endpoint.socket, report + (holder_hint(paths) if code == NO_REPORT else ""))
    return connected


def _connect(paths: Paths, deadline: float) -> socket.socket | None:
    """Return a connection, or None if no daemon serves; wait while the backlog of the listener is full."""
    with suppress(Unreachable):
        while (connected := try_connect(paths)) is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return connected
    return None


def _check_held_elsewhere(paths: Paths) -> None:
    """Raise NotStarted if another machine holds the database, because no client here can reach its socket."""
    record = read_record(paths)
    if record is not None and record.is_elsewhere and is_lock_held(paths.lock):
        where = f"a segued on another host or container ({record.host})"
        raise NotStarted(paths.socket, f"{where} holds {paths.database}; use it there, or set another database")


def _check_served_elsewhere(paths: Paths, report: str) -> None:
    """Raise NotStarted if the daemon that holds the database serves another socket, because it will not move."""
    record = read_record(paths)
    if record is None or record.socket == str(paths.socket):
        return
    try:
        connected = try_connect(record.socket)
    except Unreachable:
        return
    if connected is not None:
        connected.close()
    raise NotStarted(paths.socket, f"{report}, and serves it at {record.socket}")


@contextmanager
def _start_lock(paths: Paths) -> Iterator[int | None]:
    """Yield the descriptor of the lock file, or None if it cannot be opened; segued then reports the reason."""
    lock: int | None = None
    with suppress(OSError):
        make_own_directory(paths.database.parent)
        lock = open_private(paths.database.with_name(paths.database.name + LOCK_SUFFIX), os.O_RDWR | os.O_CREAT)
    try:
        yield lock
    finally:
        if lock is not None:
            os.close(lock)


def _acquire(lock: int | None) -> bool:
    """Return True if this process may start the daemon. Acquiring the lock twice has no effect."""
    if lock is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # A directory without locks. segued reports it.
        return True
    return True
