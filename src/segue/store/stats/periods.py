"""Days, weeks and months of a time zone.

1. The offset of a zone is looked up once for each day of UTC. If it is the same at both ends of that day, a local date
   is a division.
2. On a day with a change, such as to daylight saving time, each moment is looked up by itself. So days of 23 and 25
   hours are right, and zones whose clocks change at midnight.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month"]

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_0 = date(1970, 1, 1).toordinal()

_NAMES: dict[Period, Callable[[date], str]] = {
    "day": date.isoformat,
    "week": lambda day: "{:04}-W{:02}".format(*day.isocalendar()),
    "month": lambda day: day.isoformat()[:7],
}


class Span(NamedTuple):
    """A period, and the first millisecond for which it is not certain."""

    key: str
    end: int


class UnknownZone(ValueError):
    """There is no time zone of this name."""


class Periods:
    """The periods of one kind in one zone."""

    def __init__(self, kind: Period, zone: str) -> None:
        self._name = _NAMES[kind]
        self._zone = find_zone(zone)
        self._offsets: dict[int, int | None] = {}
        self._keys: dict[int, str] = {}

    def span(self, at: int) -> Span:
        """Return the period of a moment, and up to when it lasts at least."""
        day_of_utc = at // DAY_MS
        offset = self._constant_offset(day_of_utc)
        if offset is None:
            return Span(self._key((at + self._offset(at)) // DAY_MS), at + 1)
        day = (at + offset) // DAY_MS
        midnight = (day + 1) * DAY_MS - offset
        if midnight // DAY_MS != day_of_utc and self._constant_offset(midnight // DAY_MS) != offset:
            midnight = (day_of_utc + 1) * DAY_MS
        return Span(self._key(day), midnight)

    def common(self, first: int, last: int) -> str | None:
        """Return the period of both moments and all between them; None if that is not certain."""
        before = self._constant_offset(first // DAY_MS)
        after = self._constant_offset(last // DAY_MS)
        if before is None or after is None:
            return None
        first_day, last_day = (first + before) // DAY_MS, (last + after) // DAY_MS
        key = self._key(first_day)
        return key if first_day == last_day or key == self._key(last_day) else None

    def _constant_offset(self, day_of_utc: int) -> int | None:
        """Return the zone's offset in milliseconds on a day of UTC; None if it changes on that day."""
        try:
            return self._offsets[day_of_utc]
        except KeyError:
            start, end = (self._offset(day * DAY_MS) for day in (day_of_utc, day_of_utc + 1))
            return self._offsets.setdefault(day_of_utc, start if start == end else None)

    def _offset(self, at: int) -> int:
        try:
            moment = (_EPOCH + timedelta(milliseconds=at)).astimezone(self._zone)
        except (OverflowError, ValueError):  # The year 0 or 10000
            return 0
        return (moment.utcoffset() or timedelta()) // timedelta(milliseconds=1)

    def _key(self, day: int) -> str:
        try:
            return self._keys[day]
        except KeyError:
            ordinal = min(max(day + _DAY_0, date.min.toordinal()), date.max.toordinal())
            return self._keys.setdefault(day, self._name(date.fromordinal(ordinal)))


def find_zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name, such as `Europe/Berlin`.

    Raises:
        UnknownZone: there is none.
    """
    if name == "UTC":  # Also on a machine without a database of time zones
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise UnknownZone(name) from None
