"""The calendar of `segue stats`: its weeks, its levels, and its first and last day."""

from datetime import date, timedelta

import pytest

from segue.cli.output.calendar import Calendar
from segue.cli.output.stats_table import short_number

TODAY = date(2026, 11, 28)


def test_the_last_column_is_the_week_of_the_newest_day() -> None:
    calendar = Calendar({TODAY: 1}, TODAY, 53, chosen=False)
    assert (len(calendar.mondays), calendar.mondays[-1]) == (53, date(2026, 11, 23))
    assert [calendar.level(TODAY + timedelta(days=days)) for days in (-1, 0, 1)] == [0, 4, None]


def test_levels_are_quartiles_so_that_one_large_day_does_not_hide_the_others() -> None:
    counts = {TODAY - timedelta(days=back): 10 + back for back in range(8)} | {TODAY - timedelta(days=9): 10**9}
    calendar = Calendar(counts, TODAY, 53, chosen=False)
    assert sorted({calendar.level(day) for day in counts}, key=str) == [1, 2, 3, 4]


def test_a_chosen_period_has_no_weeks_before_its_first_message() -> None:
    counts = {TODAY - timedelta(days=6): 1, TODAY: 1}
    assert len(Calendar(counts, TODAY, 53, chosen=True).mondays) == 2
    assert len(Calendar({TODAY: 1}, TODAY, 53, chosen=True).mondays) == 1


def test_a_message_of_the_future_does_not_move_the_calendar() -> None:
    assert Calendar({TODAY: 1, date(9999, 12, 31): 1}, TODAY, 5, chosen=False).last == TODAY


@pytest.mark.parametrize("day", [date.min + timedelta(days=days) for days in range(16)])
@pytest.mark.parametrize("chosen", [True, False])
def test_the_first_days_of_all_have_a_calendar(day: date, chosen: bool) -> None:
    calendar = Calendar({date.min: 1, day: 1}, TODAY, 53, chosen=chosen)
    assert calendar.mondays[0] == date.min
    assert calendar.days <= day.toordinal()
    assert calendar.weeks()[0].title == "Jan"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (2**63 - 1, "9223P"),
    ],
)
def test_a_number_takes_five_characters_at_most(number: int, text: str) -> None:
    assert short_number(number) == text
