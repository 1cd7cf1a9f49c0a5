"""The table of sessions at each width of the terminal."""

import pytest

from segue.cli.output.session_table import LEAST_NAME, Row, _line, _widths

ROWS = [
    Row(
        "*", "How do I sort a dict by value in Python?", "0340-249", "pinned", "opus-4", "~/src/app", "12", "", "2m ago"
    ),
    Row("", "Retry", "ssion-012046", "", "", "/home/ada/project-4", "1048576", "laptop", "12mo ago"),
]


@pytest.mark.parametrize("columns", [40, 56, 72, 80, 100, 160])
def test_a_row_fits_the_terminal(columns: int) -> None:
    widths = _widths(ROWS, columns)
    assert int(widths.name) >= LEAST_NAME
    assert all(len(_line(row, widths)) <= columns for row in ROWS)
