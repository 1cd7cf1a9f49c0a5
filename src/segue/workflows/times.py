"""Moments as a user types them."""

import re
from contextlib import suppress
from datetime import datetime, timedelta

from segue.timestamps import timestamp, wall_ms

UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def parse_moment(text: str) -> str:
    """Return the timestamp of an age (`7d`), a date or a time in the local time zone, or `today` or `yesterday`.

    A timestamp is returned unchanged.

    Raises:
        ValueError: The text is none of these.
    """
    if text.endswith("Z"):
        return text
    if span := re.fullmatch(r"(\d{1,9})([smhdw])", text, re.ASCII):
        return timestamp(wall_ms() - int(span[1]) * UNIT_MS[span[2]])
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = {"today": 0, "yesterday": 1}
    with suppress(ValueError, OverflowError):  # OverflowError because the year 1 is not in every time zone
        if text in days:
            return _timestamp(midnight - timedelta(days=days[text]))
        if re.fullmatch(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?", text, re.ASCII):
            return _timestamp(datetime.fromisoformat(text))
    raise ValueError(f"{text!r} is neither an age such as 7d nor a date such as 2026-11-21")


def _timestamp(local: datetime) -> str:
    return timestamp(int(local.astimezone().timestamp()) * 1000)
