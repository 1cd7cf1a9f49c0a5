"""Waits for a condition, and times that hold on a busy machine."""

import time
from collections.abc import Callable

from tests.support.wire import TIMEOUT_SECONDS

ATTEMPTS = 10


def wait_until(
    holds: Callable[[], bool],
    seconds: float = TIMEOUT_SECONDS,
    what: Callable[[], str] = lambda: "it did not become true in time",
) -> None:
    """Return when `holds()` is true. Raise AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.002)


def seconds_of(run: Callable[[], object]) -> float:
    """Return the seconds that a run takes."""
    begun = time.monotonic()
    run()
    return time.monotonic() - begun


def shortest(measure: Callable[[], float], seconds: float) -> float:
    """Return the shortest of up to ATTEMPTS measured times, or the first one below `seconds`.

    A busy machine delays some of the attempts, a fault in the program delays each of them.
    """
    found = float("inf")
    for _ in range(ATTEMPTS):
        found = min(found, measure())
        if found < seconds:
            break
    return found


def quickest(run: Callable[[], object], seconds: float) -> float:
    """Return the shortest time of up to ATTEMPTS runs, or the first one below `seconds`."""
    return shortest(lambda: seconds_of(run), seconds)
