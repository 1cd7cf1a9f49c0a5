"""Days as a calendar of weeks, each with a level for its number of messages."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

LEVELS = 4
"""Levels of days with messages; level 0 is a day without."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Names in English in every locale, as all of segue is."""


class Week(NamedTuple):
    """A column of the calendar: its Monday, and the month's name if that begins in it."""

    monday: date
    title: str


class Calendar:
    """The last weeks up to the newest day with messages.

    If the period was `chosen`, it begins with the first: days that are not counted must not look like empty ones.
    """

    def __init__(self, counts: Mapping[date, int], today: date, max_weeks: int, *, chosen: bool) -> None:
        self._counts = counts
        self.last = last = min(today, max(counts))  # A clock that was wrong may have written later ones.
        # No calendar begins before the year 1, in which some tools date messages without a time.
        self.days = min((last - min(counts)).days + 1 if chosen else max_weeks * 7, last.toordinal())
        weeks = min(max_weeks, (self.days + 12) // 7, (last.toordinal() + 6) // 7)
        monday = last - timedelta(days=last.weekday())
        self.mondays = [monday - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
        shown = sorted(count for day, count in counts.items() if self.mondays[0] <= day <= last and count)
        # Quartiles, because a few days with very many messages must not make all others equal.
        self._bounds = [shown[len(shown) * level // LEVELS] for level in range(1, LEVELS)] if shown else []

    def weeks(self) -> list[Week]:
        """Return the columns, oldest first."""
        return [Week(monday, self._title(monday)) for monday in self.mondays]

    def level(self, day: date) -> int | None:
        """Return 0 to LEVELS, or None for a day after the last one."""
        if day > self.last:
            return None
        count = self.count(day)
        return 1 + bisect_right(self._bounds, count) if count else 0

    def count(self, day: date) -> int:
        """Return the number of messages of a day."""
        return self._counts.get(day, 0)

    def _title(self, monday: date) -> str:
        begins = (monday + timedelta(days=6)).day <= 7
        return MONTHS[(monday + timedelta(days=6)).month - 1] if begins else ""
