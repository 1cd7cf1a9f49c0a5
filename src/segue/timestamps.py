"""Format and parse timestamps: RFC 3339, UTC, milliseconds, always 24 characters, so that text sorts as time."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], int]

FORMAT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z", re.ASCII)
LATEST_MS = 253_402_300_799_999
"""Milliseconds: 9999-12-31T23:59:59.999Z, the last time that fits in 24 characters."""


def wall_ms() -> int:
    """Return the time of the wall clock in milliseconds since 1970. This clock may jump."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=16)  # All writes of one transaction, and their events, have the same time.
def timestamp(ms: int) -> str:
    """Return `2026-11-21T14:23:05.123Z` for milliseconds since 1970, clamped to the years 1970 to 9999."""
    seconds, millisecond = divmod(min(max(ms, 0), LATEST_MS), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{millisecond:03d}Z"


def milliseconds(text: str) -> int:
    """Return the milliseconds since 1970 of a timestamp.

    Raises:
        ValueError: the text has another form.
    """
    found = FORMAT.fullmatch(text)
    if found is None:
        raise ValueError("not of the form 2026-11-21T14:23:05.123Z")
    return _seconds(text[:19]) * 1000 + int(text[20:23])


@lru_cache(maxsize=256)
def _seconds(text: str) -> int:
    """Return the seconds since 1970 of the beginning of a timestamp. Consecutive messages often have the same one."""
    # Not strptime, because it takes four times as long and imports a module on its first call.
    year, month, day, hour, minute, second = map(int, re.split("[-T:]", text))
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
