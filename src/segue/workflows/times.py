"""Moments as a user types them, and the local time zone."""

import os
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from segue.timestamps import timestamp, wall_ms

UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def parse_moment(text: str) -> str:
    """Return the timestamp of an age (`7d`), a date or a time in the local time zone, or `today` or `yesterday`.

    A time with `Z` or an offset is one of UTC or of that zone.

    Raises:
        ValueError: The text is none of these.
    """
    if span := re.fullmatch(r"(\d{1,9})([smhdw])", text, re.ASCII):
        return timestamp(wall_ms() - int(span[1]) * UNIT_MS[span[2]])
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = {"today": 0, "yesterday": 1}
    with suppress(ValueError, OverflowError):  # OverflowError because the year 1 is not in every time zone
        if text in days:
            return _timestamp(midnight - timedelta(days=days[text]))
        if MOMENT.fullmatch(text):
            return _timestamp(datetime.fromisoformat(text))
    raise ValueError(f"{text!r} is neither an age such as 7d nor a date such as 2026-11-21")


def local_zone() -> str:
    """Return the IANA name of the local time zone: TZ, else the one that /etc/localtime links to.

    For a zone without a name, such as `TZ=JST-9`, it is one with the offset of now, in whole hours.
    """
    from zoneinfo import ZoneInfo

    names = [_zone_of(os.environ["TZ"])] if "TZ" in os.environ else [_zone_of(os.path.realpath("/etc/localtime"))]
    with suppress(OSError):
        names += [] if "TZ" in os.environ else [Path("/etc/timezone").read_text().strip()]
    for name in names:
        with suppress(OSError, ValueError, KeyError):
            return ZoneInfo(name).key
    hours = round((datetime.now().astimezone().utcoffset() or timedelta()) / timedelta(hours=1))
    return f"Etc/GMT{-hours:+}" if hours else "UTC"


def _zone_of(text: str) -> str:
    """Return the name in a value of TZ, or in a path of the database of time zones."""
    return text.removeprefix(":").rpartition("/zoneinfo/")[2]


def _timestamp(moment: datetime) -> str:
    return timestamp((moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1))
