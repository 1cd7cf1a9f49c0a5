"""The table: as text for a terminal, and as Markdown for the README."""

import math
from collections.abc import Sequence
from itertools import groupby

from tests.bench.report.figures import Figures, Results, Row, ratio, systems_in_all

OURS = "segue"
HEAD = [
    "append",
    "a second",
    "spread",
    "segue ×",
    "p50 ms",
    "p99 ms",
    "longest ms",
    "server CPU",
    "µs each",
    "clients' CPU",
    "memory MiB",
]
WANTED_HEAD = ["", "segue", "spread", "against", "", "ratio", "wanted", ""]
MEBIBYTE = 1 << 20


def text(results: Results) -> str:
    """Return both parts in columns."""
    parts = [[HEAD, *append_cells(results.figures)], [WANTED_HEAD, *row_cells(results.rows)]]
    lines = [f"{results.date}, {results.machine}"]
    for part in parts:
        if len(part) > 1:
            lines += ["", *_columns(part)]
    return "\n".join([*lines, "", *results.absent]).rstrip()


def compact(figures: Sequence[Figures]) -> str:
    """Return Markdown: for each system appends a second and p99 by number of clients, and the longest wait."""
    clients = sorted({one.clients for one in figures})
    lines = []
    for system in systems_in_all(figures):
        several = sorted((one for one in figures if one.system == system), key=lambda one: one.clients)
        cells = [cell for one in several for cell in (number(one.per_second), number(one.p99))]
        lines.append([system, *cells, number(several[-1].longest)])
    columns = [f"{clients_of(one)}: {what}" for one in clients for what in ("a second", "p99 ms")]
    return _markdown(["append", *columns, "longest ms"], lines)


def wanted(rows: Sequence[Row]) -> str:
    """Return Markdown: a line for each target."""
    return _markdown(WANTED_HEAD, row_cells(rows))


def clients_of(number: int) -> str:
    """Return the number of clients in words."""
    return f"{number} client" + "s" * (number > 1)


def append_cells(figures: Sequence[Figures]) -> list[list[str]]:
    """Return a line for each system and number of clients; `segue ×` is segue's throughput divided by the system's."""
    cells = []
    for clients, group in groupby(figures, key=lambda one: one.clients):
        several = list(group)
        ours = next((one.per_second for one in several if one.system == OURS), None)
        for one in several:
            times = "" if ours is None or one.system == OURS else f"{ratio(ours, one.per_second):.2f}"
            cells.append([f"{clients} × {one.system}", number(one.per_second), f"{one.spread:.0%}", times, *_rest(one)])
    return cells


def row_cells(rows: Sequence[Row]) -> list[list[str]]:
    """Return a line for each target."""
    return [
        [
            row.what,
            f"{number(row.ours)} {row.unit}",
            "" if row.spread is None else f"{row.spread:.0%}",
            row.against,
            f"{number(row.theirs)} {row.unit}",
            f"{number(row.ratio)} ×" if math.isfinite(row.ratio) else "",
            row.wanted or "",
            {True: "met", False: "missed", None: ""}[row.met],
        ]
        for row in rows
    ]


def number(value: float) -> str:
    """Format a number with three significant digits and separated thousands."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value >= 0.001 or not value else f"{value:.4f}"


def _rest(one: Figures) -> list[str]:
    return [
        number(one.p50),
        number(one.p99),
        number(one.longest),
        "" if one.server_cpu is None else f"{one.server_cpu:.0%}",
        "" if one.microseconds_each is None else number(one.microseconds_each),
        f"{one.client_cpu:.0%}",
        "" if one.memory is None else f"{one.memory / MEBIBYTE:.0f}",
    ]


def _columns(lines: list[list[str]]) -> list[str]:
    """Align the first column and text to the left, numbers to the right."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return [
        "  ".join(_aligned(cell, width, index) for index, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]


def _aligned(cell: str, width: int, index: int) -> str:
    return cell.ljust(width) if index == 0 or not cell[:1].isdigit() else cell.rjust(width)


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])
