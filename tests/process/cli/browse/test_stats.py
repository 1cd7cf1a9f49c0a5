"""`segue stats` on terminals of several widths, in pipes and as a picture."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from segue.cli.output.cells import width
from tests.process.command_line import Cli
from tests.support.process import Segued

STYLE = re.compile(r"\x1b\[[0-9;]*m")
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}
HOSTILE = "/srv/\x1b[31m<b>&日本語\u202e" + "x" * 10


@pytest.fixture
def filled(segue: Cli, segued: Segued) -> Cli:
    """Store messages of an October long ago, two of them at the midnights that limit its first day in Berlin."""
    wire = segued.connect()
    wire.call("session.create", id="a", working_dir=str(segue.directory), model="fast", project=HOSTILE)
    wire.call("session.create", id="b", working_dir="/b")
    for session, day, number in (("a", 1, 3), ("b", 1, 1), ("a", 2, 40), ("a", 20, 1500)):
        draft: dict[str, Any] = {"role": "user", "content": "x", "created_at": f"2025-10-{day:02}T12:00:00.000Z"}
        wire.call("message.append_many", session_id=session, messages=[draft] * min(number, 1000))
        if number > 1000:
            wire.call("message.append_many", session_id=session, messages=[draft] * (number - 1000))
    for at in ("2025-09-30T22:00:00.000Z", "2025-10-01T22:00:00.000Z"):
        wire.call("message.append", session_id="b", role="user", content="x", created_at=at, input_tokens=12_345)
    wire.close()
    return segue.given(TZ="Europe/Berlin")


def test_an_empty_store_says_what_to_do(segue: Cli) -> None:
    assert "no sessions yet; `segue ask QUESTION` starts one" in segue.shown("stats")
    assert segue.ok("stats").out == ""
    segue.ok("add", "x")
    assert "no message matches" in segue.shown("stats", "--until", "2020-01-01")


def test_every_line_fits_the_terminal_and_a_wide_one_shows_more(filled: Cli) -> None:
    for columns, numbers in ((40, 1), (80, 5), (120, 5)):
        by_day = STYLE.sub("", filled.shown("stats", columns=columns)).splitlines()
        by_project = STYLE.sub("", filled.shown("stats", "--by", "project", columns=columns)).splitlines()
        assert max(map(width, by_day + by_project)) <= columns
        heading, *table = by_day[-5:]
        assert heading.split()[:2] == ["day", "messages"]
        assert len(re.findall("messages|sessions|tools|tokens in|out", heading)) == numbers
        cells = [line.split()[:2] for line in table]
        assert cells == [["2025-10-01", "5"], ["2025-10-02", "41"], ["2025-10-20", "1.5k"], ["total", "1.5k"]]
        assert re.match(r".*xxxxxxxxxx +1\.5k .*█", by_project[1])
        assert ("\\x1b[31m<b>&日本語\\u202e" in by_project[1]) == (columns == 120)


def test_the_calendar_ends_with_the_newest_day(filled: Cli) -> None:
    lines = STYLE.sub("", filled.shown("stats", columns=40)).splitlines()
    monday = next(line for line in lines if line.startswith("Mon "))
    assert monday.split()[1:] == ["·"] * 17 + ["█"]
    assert "Oct" in lines[0]
    chosen = STYLE.sub("", filled.shown("stats", "--since", "2025-10-01", columns=80)).splitlines()
    assert next(line for line in chosen if line.startswith("Mon ")).split()[1:] == ["·", "·", "·", "█"]


def test_a_pipe_gets_values_and_json_the_result(filled: Cli) -> None:
    assert filled.ok("stats").rows == [
        ["2025-10-01", "2", "5", "5", "0", "12345", "0"],
        ["2025-10-02", "2", "41", "41", "0", "12345", "0"],
        ["2025-10-20", "1", "1500", "1500", "0", "0", "0"],
    ]
    result = filled.ok("stats", "--json", "--by", "model").json
    assert [(row["key"], row["messages"]) for row in result["rows"]] == [("fast", 1543), (None, 3)]
    assert filled.ok("stats", "--by", "month", "--dir", ".").rows == [["2025-10", "1", "1543", "1543", "0", "0", "0"]]


def test_a_day_is_counted_with_its_first_midnight_and_without_its_last(filled: Cli) -> None:
    def total(*options: str) -> Any:
        return filled.ok("stats", "--json", *options).json["total"]["messages"]

    assert total("--since", "2025-10-01", "--until", "2025-10-02") == 5
    assert total("--until", "2025-10-01") == 0
    assert total("--since", "2025-10-03") == 1500


def test_no_color_is_used_where_none_is_wanted(filled: Cli) -> None:
    assert "\x1b[32m" in filled.shown("stats")
    assert "\x1b" not in filled.given(NO_COLOR="1").shown("stats")
    assert "\x1b" not in filled.given(NO_COLOR="1").shown("stats", "--by", "project")


def test_a_picture_is_an_svg_file_with_a_day_for_each_square(filled: Cli, project: Path) -> None:
    file = project / "stats.svg"
    assert filled.ok("stats", "--svg", "stats.svg").out == ""
    root = ElementTree.fromstring(file.read_text())
    titles = [title.text for title in root.findall(".//svg:rect/svg:title", NAMESPACE)]
    assert titles[-1] == "2025-10-20: 1500 messages"
    assert "2025-10-02: 41 messages" in titles
    assert "prefers-color-scheme: dark" in file.read_text()
    filled.ok("stats", "--by", "project", "--svg", "stats.svg")
    texts = [text.text or "" for text in ElementTree.fromstring(file.read_text()).iter(f"{{{NAMESPACE['svg']}}}text")]
    assert any(text.endswith("x" * 10) for text in texts)
    assert "(no project)" in texts


def test_a_picture_that_cannot_be_written_is_an_error(filled: Cli) -> None:
    outcome = filled.run("stats", "--svg", "missing/stats.svg")
    assert (outcome.code, outcome.out) == (1, "")
    assert "cannot write missing/stats.svg" in outcome.err


@pytest.mark.parametrize(("tz", "day"), [("JST-9", "2025-10-02"), ("", "2025-10-01"), (":Asia/Tokyo", "2025-10-02")])
def test_a_zone_without_a_name_is_one_by_its_offset(filled: Cli, tz: str, day: str) -> None:
    environment = {**filled.environment, "TZ": tz}
    rows = Cli(environment, filled.directory).ok("stats", "--until", "2025-10-02T08:59").rows
    assert rows[-1][0] == day
