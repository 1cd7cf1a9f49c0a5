"""A plot of the load over one day, as SVG for light and dark backgrounds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tests.bench.report.plot import TOP, _style, _text

WIDTH, HEIGHT = 860, 380
LEFT, PANEL_WIDTH, PANEL_HEIGHT = 70, 740, 250
LEGEND_TOP = TOP + PANEL_HEIGHT + 60


class Series(NamedTuple):
    """A line of the plot."""

    name: str
    values: Sequence[float]


def day_plot(title: str, series: Sequence[Series]) -> str:
    """Return the plot. Its scale is linear and begins at 0."""
    top = nice(max(max(one.values) for one in series))
    parts = [_text(LEFT, TOP - 18, title, "title"), *_grid(top), *_hours()]
    for index, one in enumerate(series):
        points = "L".join(f"{_x(at, len(one.values)):.1f} {_y(value, top):.1f}" for at, value in enumerate(one.values))
        legend = LEFT + index * 200
        parts.append(f'<path class="line-{index}" d="M{points}"/>')
        parts.append(f'<path class="line-{index}" d="M{legend} {LEGEND_TOP - 4}h34"/>')
        parts.append(_text(legend + 42, LEGEND_TOP, one.name, "name"))
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img">', _style(), *parts, "</svg>", ""])


def nice(value: float) -> float:
    """Return the next number above a value that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value)


def _grid(top: float) -> list[str]:
    parts = []
    for step in range(6):
        value = top * step / 5
        parts.append(f'<path class="grid" d="M{LEFT} {_y(value, top):.1f}H{LEFT + PANEL_WIDTH}"/>')
        parts.append(_text(LEFT - 8, _y(value, top) + 4, f"{value:,.0f}".replace(",", " "), "scale"))
    return parts


def _hours() -> list[str]:
    below = TOP + PANEL_HEIGHT + 20
    return [_text(LEFT + PANEL_WIDTH * hour / 24, below, f"{hour}:00", "clients") for hour in range(0, 25, 4)]


def _x(at: int, count: int) -> float:
    return LEFT + PANEL_WIDTH * (at + 0.5) / count


def _y(value: float, top: float) -> float:
    return TOP + PANEL_HEIGHT * (1 - value / top)
