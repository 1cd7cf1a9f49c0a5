"""Times at a terminal are those of its clock, as a person types and reads them."""

import io
import sys
import time
from collections.abc import Iterator

import click
import pytest

from segue.cli.commands.browse.search import search
from segue.cli.groups import parse_time
from segue.cli.output.terminal import when


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the time zone to nine hours before UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


def read(value: str) -> str | None:
    return parse_time(click.Context(search), search.params[0], value)


@pytest.mark.usefixtures("tokyo")
def test_a_date_begins_at_the_midnight_of_the_terminal() -> None:
    assert read("2026-11-21") == "2026-11-20T15:00:00.000Z"
    assert read("2026-11-21T00:00:00.000Z") == "2026-11-21T00:00:00.000Z"


@pytest.mark.usefixtures("tokyo")
@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-21T10:20:30Z", "2026-11-21T10:20:30.000Z"),
        ("2026-11-21T10:20Z", "2026-11-21T10:20:00.000Z"),
        ("2026-11-21 10:20:30.1234567Z", "2026-11-21T10:20:30.123Z"),
        ("2026-11-21T10:20:30+02:00", "2026-11-21T08:20:30.000Z"),
        ("2026-11-21T10:20:30.5", "2026-11-21T01:20:30.500Z"),
    ],
)
def test_a_time_of_another_form_is_the_same_moment_as_a_timestamp(value: str, moment: str) -> None:
    assert read(value) == moment


@pytest.mark.usefixtures("tokyo")
def test_a_terminal_shows_its_own_time_and_a_pipe_gets_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = "2026-11-20T15:00:00.000Z"
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert when(stored) == stored
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert when(stored) == "2026-11-21 00:00"


@pytest.mark.parametrize(
    "value", ["2026-02-30", "2026-13-01", "0000-01-01", "2026-1-1", "tomorrow", "", "xZ", "2026-11-21Z"]
)
def test_what_is_no_date_is_wrong_usage(value: str) -> None:
    with pytest.raises(click.BadParameter):
        read(value)
