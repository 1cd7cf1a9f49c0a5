"""The plot: throughput and p99 by number of clients, as SVG for light and dark backgrounds."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from tests.bench.report.figures import Figures, systems_in_all
from tests.bench.report.table import clients_of

WIDTH, HEIGHT = 860, 400
PANEL_WIDTH, PANEL_HEIGHT = 340, 270
TOP, LEFTS = 50, (70, 500)
LEGEND_TOP = TOP + PANEL_HEIGHT + 50

COLORS = [
    ("#d9480f", "#ff922b"),
    ("#1864ab", "#74c0fc"),
    ("#0b7285", "#3bc9db"),
    ("#2b8a3e", "#69db7c"),
    ("#862e9c", "#e599f7"),
]
"""The color of each line on a light and on a dark background."""

DASHES = ["none", "7 3", "2 3", "9 3 2 3", "4 4"]
"""The dash pattern of each line, for readers and printers without color."""


class Panel(NamedTuple):
    """A diagram with a logarithmic scale."""

    title: str
    left: int
    low: float
    high: float
    value: Callable[[Figures], float]

    def y(self, value: float) -> float:
        share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return TOP + PANEL_HEIGHT * (1 - share)


def plot(figures: Sequence[Figures]) -> str:
    """Return the plot.

    Raises:
        ValueError: there are no figures.
    """
    if not figures:
        raise ValueError("nothing was measured")
    clients = sorted({one.clients for one in figures})
    systems = systems_in_all(figures)
    panels = [
        _panel("appends a second", LEFTS[0], figures, lambda one: one.per_second),
        _panel("p99, milliseconds", LEFTS[1], figures, lambda one: one.p99),
    ]
    parts = [_frame(panel, clients) for panel in panels]
    for index, system in reversed(list(enumerate(systems))):  # Draw segue last, on top.
        several = [one for one in figures if one.system == system]
        parts += [_line(panel, index, several, clients) for panel in panels]
    parts.append(_legend(systems))
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img">', _style(), *parts, "</svg>", ""])


def _panel(title: str, left: int, figures: Sequence[Figures], value: Callable[[Figures], float]) -> Panel:
    """Return a panel whose scale, in powers of ten, holds all values."""
    values = [value(one) for one in figures]
    low, high = math.floor(math.log10(min(values))), math.floor(math.log10(max(values))) + 1
    return Panel(title, left, 10.0**low, 10.0**high, value)


def _x(panel: Panel, clients: list[int], number: int) -> float:
    return panel.left + PANEL_WIDTH * (clients.index(number) + 0.5) / len(clients)


def _frame(panel: Panel, clients: list[int]) -> str:
    """Return title, scale and grid."""
    parts = [_text(panel.left, TOP - 18, panel.title, "title")]
    for power in range(round(math.log10(panel.low)), round(math.log10(panel.high)) + 1):
        y, right = panel.y(10.0**power), panel.left + PANEL_WIDTH
        parts.append(f'<path class="grid" d="M{panel.left} {y:.1f}H{right}"/>')
        parts.append(_text(panel.left - 8, y + 4, f"{10.0**power:,g}".replace(",", " "), "scale"))
    below = TOP + PANEL_HEIGHT + 20
    names = (_text(_x(panel, clients, number), below, clients_of(number), "clients") for number in clients)
    return "\n".join([*parts, *names])


def _line(panel: Panel, index: int, several: list[Figures], clients: list[int]) -> str:
    points = [(_x(panel, clients, one.clients), panel.y(panel.value(one))) for one in several]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="fill-{index}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points)
    return f'<path class="line-{index}" d="M{path}"/>{dots}'


def _legend(systems: list[str]) -> str:
    parts = []
    for index, system in enumerate(systems):
        x, y = LEFTS[0] + index % 3 * 270, LEGEND_TOP + index // 3 * 20
        parts.append(f'<path class="line-{index}" d="M{x} {y - 4}h34"/>{_text(x + 42, y, system, "name")}')
    return "\n".join(parts)


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _style() -> str:
    return "\n".join(
        [
            "<style>",
            "text { font: 13px system-ui, sans-serif } .title { font-weight: 600 }",
            ".scale { text-anchor: end } .clients { text-anchor: middle }",
            "path { fill: none; stroke-width: 2 } .grid { stroke-width: 1 } .line-0 { stroke-width: 4 }",
            *(f".line-{index} {{ stroke-dasharray: {dash} }}" for index, dash in enumerate(DASHES)),
            *_ground("#ffffff", "#1f2328", "#d0d7de", [light for light, _ in COLORS]),
            "@media (prefers-color-scheme: dark) {",
            *_ground("#0d1117", "#e6edf3", "#30363d", [dark for _, dark in COLORS]),
            "}",
            "</style>",
            '<rect class="ground" width="100%" height="100%"/>',
        ]
    )


def _ground(ground: str, ink: str, grid: str, colors: list[str]) -> list[str]:
    """Return the style rules of one background."""
    return [
        f".ground {{ fill: {ground} }} text {{ fill: {ink} }} .grid {{ stroke: {grid} }}",
        *(
            f".line-{index} {{ stroke: {color} }} .fill-{index} {{ fill: {color} }}"
            for index, color in enumerate(colors)
        ),
    ]
