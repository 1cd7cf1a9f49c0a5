"""Days, weeks and months of time zones, around changes of their clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.store.stats.periods import Period, Periods, UnknownZone, find_zone
from segue.timestamps import milliseconds

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",  # clocks changed at midnight
    "America/St_Johns",  # clocks changed a minute after midnight
    "Asia/Kathmandu",
    "Pacific/Apia",  # a day was left out
    "Australia/Lord_Howe",  # clocks change by half an hour
    "Africa/Monrovia",  # offsets with seconds
]
FORMS: dict[Period, str] = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


def label(at: int, zone: str, kind: Period) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).strftime(FORMS[kind])


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Europe/Berlin", "2026-03-28T22:59:59.999Z", "2026-03-28"),
        ("Europe/Berlin", "2026-03-28T23:00:00.000Z", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T21:59:59.999Z", "2026-03-29"),  # a day of 23 hours
        ("Europe/Berlin", "2026-03-29T22:00:00.000Z", "2026-03-30"),
        ("Europe/Berlin", "2026-10-25T22:59:59.999Z", "2026-10-25"),  # a day of 25 hours
        ("Europe/Berlin", "2026-10-25T23:00:00.000Z", "2026-10-26"),
        ("Asia/Kathmandu", "2026-11-21T18:14:59.999Z", "2026-11-21"),
        ("Asia/Kathmandu", "2026-11-21T18:15:00.000Z", "2026-11-22"),
        ("America/Sao_Paulo", "2018-11-04T02:59:59.999Z", "2018-11-03"),  # no midnight on that day
        ("America/Sao_Paulo", "2018-11-04T03:00:00.000Z", "2018-11-04"),
        ("America/St_Johns", "2009-11-01T02:30:30.000Z", "2009-11-01"),  # November for a minute
        ("America/St_Johns", "2009-11-01T02:31:00.000Z", "2009-10-31"),  # then October again
        ("Pacific/Apia", "2011-12-30T09:59:59.999Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00.000Z", "2011-12-31"),
    ],
)
def test_a_moment_is_of_the_day_that_its_clock_shows(zone: str, at: str, day: str) -> None:
    assert Periods("day", zone).span(milliseconds(at)).key == day


@pytest.mark.parametrize(
    ("kind", "at", "key"),
    [
        ("week", "2027-01-03T12:00:00.000Z", "2026-W53"),
        ("week", "2027-01-04T00:00:00.000Z", "2027-W01"),
        ("week", "2024-12-30T00:00:00.000Z", "2025-W01"),
        ("month", "2026-02-28T23:59:59.999Z", "2026-02"),
        ("month", "2026-03-01T00:00:00.000Z", "2026-03"),
        ("day", "0001-01-01T00:00:00.000Z", "0001-01-01"),
        ("day", "9999-12-31T23:59:59.999Z", "9999-12-31"),
    ],
)
def test_weeks_are_those_of_iso_8601_and_months_those_of_the_calendar(kind: Period, at: str, key: str) -> None:
    assert Periods(kind, "UTC").span(milliseconds(at)).key == key


MOMENTS = st.integers(milliseconds("1971-01-01T00:00:00.000Z"), milliseconds("2030-01-01T00:00:00.000Z"))
AROUND = st.builds(
    lambda at, by: milliseconds(at) + by,
    st.sampled_from(
        [
            "2009-11-01T02:31:00.000Z",
            "2018-11-04T03:00:00.000Z",
            "2011-12-30T10:00:00.000Z",
            "2026-03-29T01:00:00.000Z",
            "2026-10-25T01:00:00.000Z",
            "1972-01-07T00:44:30.000Z",
        ]
    ),
    st.integers(-2 * 86_400_000, 2 * 86_400_000),
)


@given(zone=st.sampled_from(ZONES), kind=st.sampled_from(list(FORMS)), at=MOMENTS | AROUND, part=st.floats(0, 1))
def test_a_span_has_one_period_up_to_its_end(zone: str, kind: Period, at: int, part: float) -> None:
    span = Periods(kind, zone).span(at)
    assert at < span.end
    for moment in (at, at + int((span.end - 1 - at) * part), span.end - 1):
        assert span.key == label(moment, zone, kind)


@given(
    zone=st.sampled_from(ZONES),
    kind=st.sampled_from(list(FORMS)),
    first=MOMENTS | AROUND,
    length=st.integers(0, 40 * 86_400_000),
    part=st.floats(0, 1),
)
def test_a_common_period_is_that_of_all_moments_between(
    zone: str, kind: Period, first: int, length: int, part: float
) -> None:
    common = Periods(kind, zone).common(first, first + length)
    if common is not None:
        assert {label(first + int(length * share), zone, kind) for share in (0, part, 1)} == {common}


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../../etc/passwd", "/etc/passwd", "America", "zone.tab", "a\0b"])
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone):
        find_zone(name)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_the_first_and_the_last_moment_have_a_day_in_every_zone(zone: str, at: str) -> None:
    periods = Periods("day", zone)
    assert periods.span(milliseconds(at)).key[:4] == at[:4]
    assert periods.common(milliseconds(at), milliseconds(at)) in (None, periods.span(milliseconds(at)).key)
