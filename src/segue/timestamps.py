"""Time as segue keeps it: RFC 3339, UTC, milliseconds, always 24 characters, so that text sorts as time."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], int]

FORMAT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z", re.ASCII)
LATEST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, the last moment that 24 characters can say."""


def wall_ms() -> int:
    """Milliseconds since 1970, by the clock on the wall: it may jump."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=16)  # the writes of one transaction, and what they tell of it, share their moment
def timestamp(ms: int) -> str:
    """`2026-11-21T14:23:05.123Z` of milliseconds since 1970, held within the years 1970 to 9999."""
    seconds, rest = divmod(min(max(ms, 0), LATEST_MS), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"


def milliseconds(text: str) -> int:
    """The reverse of `timestamp`; ValueError for anything not of exactly that form."""
    found = FORMAT.fullmatch(text)
    if found is None:
        raise ValueError("not of the form 2026-11-21T14:23:05.123Z")
    # Not strptime, which takes four times as long and imports a module at its first call.
    year, month, day, hour, minute, second, rest = map(int, found.groups())
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1000 + rest
