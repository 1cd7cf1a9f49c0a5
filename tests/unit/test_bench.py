"""What the bench makes of what it measured."""

import math
from xml.etree import ElementTree

import pytest

from tests.bench.peers import postgres, redis
from tests.bench.report.figures import Figures, Load, Results, Row, below, beyond, median, percentile, summed_up, within
from tests.bench.report.page import PLOT, part, recall, updated
from tests.bench.report.plot import COLOURS, DASHES, plot
from tests.bench.report.table import compact, number, text, wanted
from tests.bench.texts import BYTES, shared_out, texts
from tests.support.docs import README

SVG = "{http://www.w3.org/2000/svg}"


def figures(system: str, clients: int, per_second: float = 100.0) -> Figures:
    return Figures(
        system, clients, per_second, 2.5, 1.5, 20.0, 300.0, 0.25, None if system == "sqlite3" else 0.5, 1 << 20
    )


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1, 100)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share: float, value: float) -> None:
    assert percentile([list(range(100, 0, -1))], share) == value


def test_a_percentile_counts_each_client_alike() -> None:
    quick, kept_waiting = [1.0] * 9999, [500.0]
    assert percentile([quick, kept_waiting], 0.5) == 1
    assert percentile([quick, kept_waiting], 0.51) == 500
    assert percentile([quick, [], kept_waiting], 0.51) == 500


def test_nothing_measured_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([[], []], 0.5)


def test_the_median_of_an_even_number_is_the_lower_one_in_the_middle() -> None:
    assert median([4, 1, 3, 2]) == 2


def test_turns_are_summed_up_as_one() -> None:
    turns = [
        Load([[1, 2], [3]], 3, 2.0, 0.5, server_cpu=1.0, memory=100),
        Load([[4], [9, 9]], 1, 2.0, 0.5, server_cpu=1.5, memory=90),
    ]
    found = summed_up("segue", 2, turns)
    assert found == Figures("segue", 2, 1.0, 28 / 6, 3, 9, 9, 0.25, 0.625, 100)


def test_what_has_no_server_has_neither_its_cpu_nor_its_memory() -> None:
    found = summed_up("sqlite3", 1, [Load([[1.0]], 1, 1.0, 0.5)])
    assert (found.server_cpu, found.memory) == (None, None)


def test_a_row_says_whether_what_is_wanted_was_met() -> None:
    assert [within("w", 2, "x", 1, "ms", bound).met for bound in (1.9, 2)] == [False, True]
    assert [beyond("w", 2, "x", 1, "/s", bound).met for bound in (2, 2.1)] == [True, False]
    assert [below("w", 2, "x", 9, "s", bound).met for bound in (1.9, 2)] == [False, True]
    assert Row("w", 2, "x", 1, "ms").met is None


def test_a_ratio_to_nothing_is_infinite_unless_both_are_nothing() -> None:
    assert [Row("w", ours, "x", 0, "%").ratio for ours in (0, 1)] == [1, math.inf]


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.00012, "0.0001"), (0.01234, "0.0123"), (12.34, "12.3"), (12345.6, "12 346")]
)
def test_numbers_have_three_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_the_text_holds_every_line_aligned_and_every_peer_that_is_missing() -> None:
    rows = [within("ping", 0.06, "echo", 0.05, "ms", 2)]
    found = text(Results("2026-11-21", "2 × CPU", "c", [figures("segue", 8, 50), figures("Redis", 8)], rows, ["X: no"]))
    _, _, head, ours, theirs, _, _, row, _, absent = found.split("\n")
    assert len({len(line) for line in (head, ours, theirs)}) == 1
    assert ours.split()[:5] == ["8", "×", "segue", "50", "1.5"]
    assert theirs.split()[:5] == ["8", "×", "Redis", "100", "0.50"]
    assert row.split() == ["ping", "0.06", "ms", "echo", "0.05", "ms", "1.2", "×", "≤", "2", "×", "met"]
    assert absent == "X: no"


def test_a_ratio_to_nothing_is_not_shown() -> None:
    assert "inf" not in wanted([Row("idle", 0.1, "echo", 0, "%")])


def test_the_tables_of_the_page_have_as_many_cells_in_every_line() -> None:
    several = [figures(system, clients) for system in ("segue", "sqlite3") for clients in (32, 1)]
    for table in (compact([*several, figures("floor", 1)]), wanted([Row("a", 1, "b", 2, "ms")])):
        assert len({line.count("|") for line in table.splitlines()}) == 1
        assert "floor" not in table


def test_the_page_keeps_all_but_its_part() -> None:
    page = "before\n<!-- speed: made by tests/bench -->\nold\n<!-- end of speed -->\nafter\n"
    results = recall()
    assert updated(page, results) == page.replace("old", part(results))
    with pytest.raises(SystemExit, match="no place"):
        updated("before", results)


def test_the_plot_is_svg_with_a_line_in_each_panel_for_each_system() -> None:
    systems = ["segue", "sqlite3 <anew> & again", "Redis"]
    root = ElementTree.fromstring(plot([figures(system, clients) for clients in (1, 32) for system in systems]))
    assert root.tag == f"{SVG}svg"
    names = [element.text for element in root.iter(f"{SVG}text") if element.get("class") == "name"]
    assert names == systems
    assert len(list(root.iter(f"{SVG}circle"))) == 2 * 2 * len(systems)
    inside = [float(point.get(axis, "")) for point in root.iter(f"{SVG}circle") for axis in ("cx", "cy")]
    assert all(0 < value < 860 for value in inside)


def test_the_plot_has_a_colour_and_a_dash_for_each_line() -> None:
    assert len(COLOURS) == len(DASHES) == 5
    with pytest.raises(ValueError, match="nothing"):
        plot([])


def test_what_is_published_is_made_of_the_results() -> None:
    results = recall()
    assert updated(README.read_text(), results) == README.read_text()
    assert PLOT.read_text() == plot(results.figures)


def test_every_system_stores_messages_of_the_same_length() -> None:
    assert {len(one.encode()) for one in texts()} == {BYTES}
    assert len({tuple(mine) for mine in shared_out(texts(), 32)}) == 32


def test_an_append_to_redis_is_one_transaction() -> None:
    sent = redis.append("s", "text")
    assert sent.startswith(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$5\r\nRPUSH\r\n$10\r\nmessages:s\r\n")
    assert sent.endswith(b"*1\r\n$4\r\nEXEC\r\n")


def test_an_append_to_postgresql_is_two_statements_and_one_sync() -> None:
    kinds, rest = [], postgres.append("s", "text")
    while rest:
        kinds.append(rest[:1])
        rest = rest[1 + int.from_bytes(rest[1:5], "big") :]
    assert kinds == [b"B", b"E", b"B", b"E", b"S"]
