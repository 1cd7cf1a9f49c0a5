"""Runs of styled text, wrapped at words."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from segue.browse.views.text import first_sign, split_at, tokens, width

Line = list[Segment]
Run = tuple[str, Style | None]


def plain(text: str, cells: int, style: Style | None = None) -> list[Line]:
    """Return text with its own lines, wrapped at words."""
    return [line for part in text.split("\n") for line in wrap([(part, style)], cells)]


def wrap(runs: Sequence[Run], cells: int) -> list[Line]:
    """Return the runs as lines of at most `cells` cells, broken at spaces where there are any."""
    cells = max(2, cells)
    lines: list[Line] = [[]]
    used = 0
    for text, style in runs:
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
                used = 0
            if used + width(part) <= cells:
                lines[-1] += [Segment(part, style)] if part else []
                used += width(part)
                continue
            for word in tokens(part):
                used = _place(lines, word, style, used, cells)
    return lines


def _place(lines: list[Line], word: str, style: Style | None, used: int, cells: int) -> int:
    """Add a word or blanks to the last line, or to new ones, and return the cells of the last line."""
    long = width(word)
    is_wide = long > len(word)  # Chinese and Japanese have no spaces, so their words break anywhere
    if used + long > cells and used and not is_wide:
        lines.append([])
        used = 0
        if word.isspace():
            return 0
    while used + long > cells:
        piece, word = split_at(word, cells - used)
        if not piece and not used:  # One character is wider than the line
            piece, word = first_sign(word)
        if piece:
            lines[-1].append(Segment(piece, style))
            long -= width(piece)
        if not word:
            return cells
        lines.append([])
        used = 0
    lines[-1].append(Segment(word, style))
    return used + long
