"""Ages in the list."""

from datetime import UTC, datetime

import pytest

from segue.browse.views import times

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "age"),
    [
        (datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC), "now"),
        (datetime(2026, 11, 28, 11, 57, tzinfo=UTC), "3m"),
        (datetime(2026, 11, 28, 9, 59, tzinfo=UTC), "2h"),
        (datetime(2026, 11, 15, 12, 0, tzinfo=UTC), "13d"),
        (datetime(2026, 11, 14, 12, 0, tzinfo=UTC), "2w"),
        (datetime(2026, 10, 17, 12, 0, tzinfo=UTC), "6w"),
        (datetime(2026, 2, 2, 12, 0, tzinfo=UTC), "2 Feb"),
        (datetime(2025, 2, 2, 12, 0, tzinfo=UTC), "Feb 2025"),
    ],
)
def test_an_age_is_short_and_an_old_one_a_date(moment: datetime, age: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOW)
    assert times.age_of(int(moment.timestamp() * 1000)) == age
