"""Statistics as a picture: one SVG file, readable on light and on dark pages."""

from collections.abc import Iterator
from datetime import date, timedelta
from html import escape

from segue.cli.output.calendar import LEVELS, WEEKDAYS, Calendar
from segue.cli.output.stats_table import MAX_ROWS, MAX_WEEKS, counts_by_day, row_name, short_number, shorten
from segue.models import StatsGroup
from segue.results import Stats, StatsRow

WIDTH, MARGIN, LINE = 760, 24, 20
CELL = 12
"""Pixels: a day of the calendar, with its gap."""

NAME_PIXELS, NUMBER_PIXELS = 210, 60
NAME_CELLS = 28

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.faint { fill: #59636e }
.page { fill: #ffffff }
.bar, .l4 { fill: #116329 }
.l0 { fill: #eaeef2 } .l1 { fill: #9be9a8 } .l2 { fill: #40c463 } .l3 { fill: #2a8f47 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9198a1 } .page { fill: #0d1117 }
.bar, .l4 { fill: #56d364 }
.l0 { fill: #21262d } .l1 { fill: #0e4429 } .l2 { fill: #006d32 } .l3 { fill: #26a641 }
}
"""
"""The picture has a background of its own, because a viewer may show a page of another color."""


def render(stats: Stats, group_by: StatsGroup, *, today: date, chosen: bool, place: str) -> str:
    """Return the picture of statistics that have at least one row; `place` names the time zone."""
    total = stats.total
    parts = [_text(MARGIN, 36, f"{short_number(total.messages)} messages", "title")]
    tokens = f"{short_number(total.input_tokens)} tokens in, {short_number(total.output_tokens)} out"
    about = [f"{short_number(total.sessions)} sessions", f"{short_number(total.tool_calls)} tool calls", tokens, place]
    parts.append(_text(MARGIN, 58, " · ".join(about), "faint"))
    top = 90
    if group_by == "day":
        counts = counts_by_day(stats.rows)
        parts += _calendar(Calendar(counts, today, MAX_WEEKS, chosen=chosen), top)
        top += 9 * CELL + 2 * LINE
    by_time = group_by in ("day", "week", "month")
    rows = stats.rows[-MAX_ROWS:] if by_time else stats.rows[:MAX_ROWS]
    parts += _bars(rows, group_by, top)
    height = top + LINE * len(rows) + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"',
            'role="img">',
            f"<title>Messages by {group_by}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _calendar(calendar: Calendar, top: int) -> Iterator[str]:
    left = MARGIN + 36
    end = 0
    for number, week in enumerate(calendar.weeks()):
        x = left + number * CELL
        if week.title and x >= end:
            yield _text(x, top, week.title, "faint")
            end = x + 3 * CELL
        for weekday in range(len(WEEKDAYS)):
            day = week.monday + timedelta(days=weekday)
            if (level := calendar.level(day)) is not None:
                title = f"<title>{day}: {calendar.count(day)} messages</title>"
                yield _square(x, top + 8 + weekday * CELL, level, title)
    for weekday in (0, 2, 4, 6):
        yield _text(MARGIN, top + 18 + weekday * CELL, WEEKDAYS[weekday], "faint")
    below = top + 8 + 8 * CELL
    yield _text(left, below + 10, "less", "faint")
    for level in range(LEVELS + 1):
        yield _square(left + 32 + level * CELL, below, level, "")
    yield _text(left + 38 + (LEVELS + 1) * CELL, below + 10, "more", "faint")


def _bars(rows: list[StatsRow], group_by: StatsGroup, top: int) -> Iterator[str]:
    most = max(row.messages for row in rows)
    left = MARGIN + NAME_PIXELS
    for number, row in enumerate(rows):
        y = top + number * LINE
        length = max(1, row.messages * (WIDTH - MARGIN - NUMBER_PIXELS - left) // most)
        yield _text(MARGIN, y + 12, shorten(row_name(row, group_by), NAME_CELLS, group_by), "")
        yield f'<rect class="bar" x="{left}" y="{y + 2}" width="{length}" height="12" rx="2"/>'
        yield _text(left + length + 8, y + 12, short_number(row.messages), "faint")


def _square(x: int, y: int, level: int, title: str) -> str:
    size = CELL - 2
    return f'<rect class="l{level}" x="{x}" y="{y}" width="{size}" height="{size}" rx="2">{title}</rect>'


def _text(x: int, y: int, text: str, style: str) -> str:
    return f'<text x="{x}" y="{y}" class="{style}">{escape(text)}</text>'
