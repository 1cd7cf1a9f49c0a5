"""Who has the database while nobody answers: words for the person who has to do something about it."""

import os

from segue.paths import Places

PID_BYTES = 20


def advice(places: Places | None) -> str:
    """What to do about a daemon that has the database and does not answer; nothing if none is known."""
    pid = None if places is None else _holder(places)
    if pid is None:
        return ""
    return (
        f"; segued (pid {pid}) has the database and does not answer: "
        f"give it time if it is busy, or end it with `kill {pid}`, if need be `kill -9 {pid}`"
    )


def _holder(places: Places) -> int | None:
    """The process that wrote itself into the lock of the database, if it lives."""
    try:
        lock = os.open(places.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            pid = int(os.read(lock, PID_BYTES))
        finally:
            os.close(lock)
        os.kill(pid, 0)
    except (OSError, ValueError, OverflowError):
        return None
    return pid if pid > 1 else None
