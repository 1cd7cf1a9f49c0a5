"""A wait for a condition, with a deadline."""

import time
from collections.abc import Callable

from tests.support.wire import TIMEOUT_SECONDS


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
