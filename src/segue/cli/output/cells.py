"""Widths of text on a terminal, in cells."""

from unicodedata import category, east_asian_width


def width(text: str) -> int:
    """Return how many cells the text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, cells: int) -> str:
    """Return the text, cut with an ellipsis if it takes more cells."""
    if width(text) <= cells:
        return text
    taken, end = 1, 0
    for character in text:
        taken += _width(character)
        if taken > cells:
            break
        end += 1
    return text[:end] + "…" if cells > 0 else ""


def cut_start(text: str, cells: int) -> str:
    """Return the text, cut at its start with an ellipsis if it takes more cells."""
    return cut(text[::-1], cells)[::-1]


def fill(text: str, cells: int, *, right: bool = False) -> str:
    """Return the text with spaces up to the width, on its left if `right`."""
    spaces = " " * (cells - width(text))
    return spaces + text if right else text + spaces


def _width(character: str) -> int:
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1
