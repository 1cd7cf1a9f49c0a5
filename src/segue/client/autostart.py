"""Starting segued when nobody serves: once, however many ask at the same moment.

The truth is the daemon's own lock on its database; the one here only spares everybody else the attempt.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from segue.client.connect import read_record, try_connect
from segue.client.diagnostics import advice
from segue.client.endpoint import where_to_serve
from segue.client.errors import NotStarted, Unreachable
from segue.client.spawn import ALREADY_RUNNING, SERVING, SILENT, launch
from segue.files import make_own_directory, open_private
from segue.paths import Paths

START_SECONDS = 20.0
"""For a daemon to serve: it needs half a second, and one that drains before it may hold the file for ten."""

LOOK_PAUSE = 0.05
"""Seconds between two looks for a daemon that somebody else is starting."""

HELD_PAUSE = 0.5
"""Seconds before the next start while another daemon holds the database, which may be about to leave."""

LOCK_SUFFIX = ".start"


def start_daemon(paths: Paths, timeout: float | None = None) -> socket.socket:
    """A connection to the daemon of these places, which is started unless somebody else does it just now.

    Raises NotStarted with the daemon's own words if it cannot serve, or does not within the timeout or START_SECONDS.
    """
    wanted = where_to_serve(paths)
    deadline = time.monotonic() + min(START_SECONDS, START_SECONDS if timeout is None else timeout)
    last = "another process is starting it, and does not come to an end"
    with _start_lock(paths) as lock:
        while (connected := _reach(wanted, deadline)) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotStarted(wanted.socket, f"{last}{advice(paths)}")
            if not _take(lock):
                time.sleep(LOOK_PAUSE)
                continue
            code, said = launch(wanted, left)
            if code == ALREADY_RUNNING:
                _check_elsewhere(wanted, said)
                last = said
                time.sleep(HELD_PAUSE)
            elif code != SERVING:
                raise NotStarted(wanted.socket, said + (advice(paths) if code == SILENT else ""))
    return connected


def _reach(paths: Paths, deadline: float) -> socket.socket | None:
    """A connection if somebody serves; one whose backlog is full is waited for."""
    with suppress(Unreachable):
        while (connected := try_connect(paths)) is None and time.monotonic() < deadline:
            time.sleep(LOOK_PAUSE)
        return connected
    return None


def _check_elsewhere(paths: Paths, said: str) -> None:
    """NotStarted if the daemon that has the database serves at another socket: no waiting brings it here."""
    record = read_record(paths)
    if record is None or record.socket == str(paths.socket):
        return
    try:
        connected = try_connect(record.socket)
    except Unreachable:
        return
    if connected is not None:
        connected.close()
    raise NotStarted(paths.socket, f"{said}, and serves it at {record.socket}")


@contextmanager
def _start_lock(paths: Paths) -> Iterator[int | None]:
    """The file beside the database that one at a time may lock; None where there can be none: segued will say why."""
    lock: int | None = None
    with suppress(OSError):
        folder = paths.database.parent
        make_own_directory(folder)
        path = folder / (paths.database.name + LOCK_SUFFIX)
        lock = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        yield lock
    finally:
        if lock is not None:
            os.close(lock)


def _take(lock: int | None) -> bool:
    """Whether it is ours to start; taking it twice is once."""
    if lock is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a directory without locks: segued will say so
        return True
    return True
