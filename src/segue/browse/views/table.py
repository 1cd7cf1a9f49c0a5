"""A table as lines: wide columns are shrunk, and with too many columns each row becomes a list."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style

from segue.browse.views.text import width
from segue.browse.views.theme import Palette
from segue.browse.views.wrapping import Line, Run, wrap

LEAST_COLUMN = 6
"""Cells: a narrower column is not readable; each row then becomes a list."""

Row = list[list[Run]]


def table_lines(rows: list[Row], palette: Palette, cells: int) -> list[Line]:
    """Return the lines of a table whose first row is the heading."""
    columns = max(map(len, rows), default=0)
    if not columns:
        return []
    room = cells - 2 * (columns - 1)
    if room < columns * LEAST_COLUMN:
        return [*_records(rows, palette, cells)]
    wanted = [max(1, *(_cells(row[at]) for row in rows if at < len(row))) for at in range(columns)]
    widths = _shrunk(wanted, room)
    head: Row = [[(text, (style or Style()) + palette.bright) for text, style in cell] for cell in rows[0]]
    rule = palette.signs.rule * (sum(widths) + 2 * (columns - 1))
    lines = [*_row(head, widths), [Segment(rule, palette.line)]]
    return lines + [line for row in rows[1:] for line in _row(row, widths)]


def _row(row: Row, widths: list[int]) -> Iterator[Line]:
    cells = [wrap(cell, cells) for cell, cells in zip(row, widths, strict=False)]
    for parts in zip_longest(*cells, fillvalue=[]):
        line: Line = []
        for part, cells_wide in zip(parts, widths, strict=False):
            used = sum(width(segment.text) for segment in part)
            line += [*part, Segment(" " * max(0, cells_wide - used + 2))]
        yield line


def _records(rows: list[Row], palette: Palette, cells: int) -> Iterator[Line]:
    heads = rows[0]
    for number, row in enumerate(rows[1:]):
        if number:
            yield []
        for head, cell in zip(heads, row, strict=False):
            name = "".join(text for text, _ in head)
            yield from wrap([(f"{name}: ", palette.dim), *cell], cells)


def _cells(runs: Sequence[Run]) -> int:
    return sum(width(text) for text, _ in runs)


def _shrunk(wanted: list[int], room: int) -> list[int]:
    """Return the widths of columns, the widest ones cut to one width so that all fit."""
    if sum(wanted) <= room:
        return wanted
    low, high = LEAST_COLUMN, max(wanted)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(one, middle) for one in wanted) <= room else (low, middle - 1)
    return [min(one, low) for one in wanted]
