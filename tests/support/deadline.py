"""Waiting for something that is about to be true, but not for ever."""

import time
from collections.abc import Callable

from tests.support.wire import TIMEOUT_SECONDS


def wait_until(
    holds: Callable[[], bool],
    seconds: float = TIMEOUT_SECONDS,
    what: Callable[[], str] = lambda: "it did not become true in time",
) -> None:
    """Return as soon as `holds` does; AssertionError if it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.002)
