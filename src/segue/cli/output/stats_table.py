"""Statistics for a terminal: a calendar of the days, a curve, and a table with bars."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from segue.cli.output.calendar import WEEKDAYS, Calendar
from segue.cli.output.cells import cut, cut_start, fill, width
from segue.cli.output.session_table import short_directory
from segue.cli.output.terminal import echo, escape_line, styled
from segue.models import StatsGroup
from segue.results import Stats, StatsRow, StatsTotal

SHADES = ("·", "░", "▒", "▓", "█")
"""Cells of the calendar by level. They differ without color too."""

CURVE = "▁▂▃▄▅▆▇█"
BAR = "█"
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")

MAX_ROWS = 30
"""Rows of the table, unless the period was chosen."""

MAX_WEEKS = 53
CURVE_DAYS = 60
CURVE_ABOUT = 24
"""Columns: the text beside the curve."""

MAX_BAR = 30
"""Columns: the longest bar."""

KEY_CELLS = 20
LABEL_CELLS = 4
SESSIONS_COLUMNS, CALLS_COLUMNS, TOKENS_COLUMNS = 50, 64, 78
"""Columns: the least width of the terminal for sessions, tool calls and tokens."""

NONE = {"model": "(no model)", "tool": "(segue)", "project": "(no project)"}
"""The name of the row without a key."""


class Column(NamedTuple):
    """A column of numbers."""

    title: str
    member: str
    columns: int


COLUMNS = (
    Column("messages", "messages", 0),
    Column("sessions", "sessions", SESSIONS_COLUMNS),
    Column("tools", "tool_calls", CALLS_COLUMNS),
    Column("tokens in", "input_tokens", TOKENS_COLUMNS),
    Column("out", "output_tokens", TOKENS_COLUMNS),
)


Role = Literal["text", "faint", "strong", "bar"]
"""The style of a piece of a line."""

Line = list[tuple[str, Role]]
STYLES: dict[Role, dict[str, bool | str]] = {
    "text": {},
    "faint": {"dim": True},
    "strong": {"bold": True},
    "bar": {"fg": "green"},
}


def print_stats(stats: Stats, group_by: StatsGroup, *, today: date, chosen: bool) -> None:
    """Print statistics that have at least one row; only the newest or largest rows unless the period was `chosen`."""
    columns = shutil.get_terminal_size().columns
    for line in stats_lines(stats, group_by, columns, today=today, chosen=chosen):
        echo("".join(styled(text, **STYLES[role]) if text else "" for text, role in line))


def stats_lines(stats: Stats, group_by: StatsGroup, columns: int, *, today: date, chosen: bool) -> Iterator[Line]:
    """Yield the lines of statistics that have at least one row."""
    if group_by == "day":
        counts = counts_by_day(stats.rows)
        calendar = Calendar(counts, today, min(MAX_WEEKS, (columns - LABEL_CELLS) // 2), chosen=chosen)
        yield from _calendar(calendar)
        yield from _curve(calendar, min(CURVE_DAYS, columns - LABEL_CELLS - CURVE_ABOUT, calendar.days))
    by_time = group_by in ("day", "week", "month")
    rows = stats.rows
    if not chosen:
        rows = rows[-MAX_ROWS:] if by_time else rows[:MAX_ROWS]
    yield from _table(rows, stats.total, group_by, columns)
    if len(rows) < len(stats.rows) or stats.has_more:
        kind = "newest" if by_time else "largest"
        text = f"the {len(rows)} {kind} of {len(stats.rows)}; {'--since' if by_time else '--json'} shows more"
        yield [(cut(text, columns), "faint")]


def counts_by_day(rows: Sequence[StatsRow]) -> dict[date, int]:
    """Return the number of messages of each day."""
    return {date.fromisoformat(row.key or ""): row.messages for row in rows}


def row_name(row: StatsRow, group_by: StatsGroup) -> str:
    """Return the name of a row for a person."""
    if row.key is None:
        return NONE[group_by]
    return escape_line(short_directory(row.key) if group_by == "project" else row.key)


def shorten(name: str, cells: int, group_by: StatsGroup) -> str:
    """Return the name, cut to the cells; of a path, the end stays."""
    return cut_start(name, cells) if group_by == "project" else cut(name, cells)


def short_number(number: int) -> str:
    """Return a number in at most 5 characters, such as `999`, `1.2k`, `34k` or `5.6M`; in more from 1000P on."""
    amount, units = float(number), ["", "k", "M", "G", "T", "P"]
    while amount >= 999.5 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return str(number) if number < 1000 else f"{amount:.1f}{units[0]}" if amount < 9.95 else f"{amount:.0f}{units[0]}"


def _calendar(calendar: Calendar) -> Iterator[Line]:
    title = " " * LABEL_CELLS
    for number, week in enumerate(calendar.weeks()):
        start = LABEL_CELLS + 2 * number
        if week.title and len(title) <= start and start + 3 <= LABEL_CELLS + 2 * len(calendar.mondays):
            title = title.ljust(start) + week.title
    if title.strip():
        yield [(title.rstrip(), "faint")]
    for number, name in enumerate(WEEKDAYS):
        levels = [calendar.level(monday + timedelta(days=number)) for monday in calendar.mondays]
        while levels and levels[-1] is None:
            levels.pop()
        yield [(fill(name if number % 2 == 0 else "", LABEL_CELLS), "faint"), *_shades(levels)]
    legend: Line = [(f"{'':{LABEL_CELLS}}less ", "faint"), *_shades([*range(len(SHADES))]), (" more", "faint")]
    yield legend
    yield []


def _shades(levels: Sequence[int | None]) -> Line:
    """Return cells of the calendar, separated by spaces."""
    line: Line = []
    for at, level in enumerate(levels):
        cell: tuple[str, Role] = (" ", "text") if level is None else (SHADES[level], "bar" if level else "faint")
        line += [(" ", "text"), cell] if at else [cell]
    return line


def _curve(calendar: Calendar, number: int) -> Iterator[Line]:
    """Yield a curve of the last days."""
    days = [calendar.last - timedelta(days=back) for back in range(number - 1, -1, -1)]
    values = [calendar.count(day) for day in days]
    most = max(values)
    curve = "".join(CURVE[0 if not value else max(1, value * 7 // most)] for value in values) if most else ""
    if curve:
        about = f" {len(days)} days, at most {short_number(most)}"
        yield [(" " * LABEL_CELLS, "text"), (curve, "bar"), (about, "faint")]
        yield []


def _table(rows: Sequence[StatsRow], total: StatsTotal, group_by: StatsGroup, columns: int) -> Iterator[Line]:
    shown = [column for column in COLUMNS if columns >= column.columns]
    texts = [[short_number(getattr(row, column.member)) for column in shown] for row in (*rows, total)]
    widths = [max(len(column.title), *(len(row[at]) for row in texts)) for at, column in enumerate(shown)]
    numbers = sum(widths) + 2 * len(widths)
    names = [row_name(row, group_by) for row in rows]
    key = min(max(map(width, [*names, group_by, "total"])), max(KEY_CELLS, columns // 3), columns - numbers)
    bar = min(MAX_BAR, columns - key - numbers - 2)
    heading = [fill(column.title, wide, right=True) for column, wide in zip(shown, widths, strict=True)]
    yield [("  ".join([fill(group_by, key), *heading]), "strong")]
    most = max(row.messages for row in rows)
    for name, row, cells in zip(names, rows, texts, strict=False):
        line = "  ".join([fill(shorten(name, key, group_by), key), *map(_right, cells, widths)])
        yield [(line, "text"), ("  ", "text"), (_bar(row.messages, most, bar), "bar")] if bar >= 4 else [(line, "text")]
    yield [("  ".join([fill("total", key), *map(_right, texts[-1], widths)]), "strong")]


def _right(text: str, cells: int) -> str:
    return fill(text, cells, right=True)


def _bar(value: int, most: int, cells: int) -> str:
    """Return a bar in eighths of a cell; the smallest has one eighth."""
    whole, eighths = divmod(max(1, value * cells * 8 // most), 8)
    return BAR * whole + EIGHTHS[eighths]
