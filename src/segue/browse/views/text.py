"""Foreign text made safe for the screen, and its width in cells as Textual counts it."""

import re
from functools import lru_cache

from rich.cells import cell_len

from segue.escapes import DIRECTIONS, UNSAFE

MARKS = (0x200E, 0x200F, 0x061C)
"""Marks of direction that only order neighbours. They are left out, because Hebrew and Arabic texts contain them."""

_TABLE = dict.fromkeys((*UNSAFE, *DIRECTIONS, 57344, 57345), "�") | dict.fromkeys(MARKS)
_LINE = str.maketrans({**_TABLE, 0x0A: " ", 0x0D: " ", 0x09: " ", 0x2028: " ", 0x2029: " "})
_BLOCK = str.maketrans({**_TABLE, 0x0A: "\n", 0x0D: "", 0x2028: "\n", 0x2029: "\n"} | {0x09: "\t"})
_WIDE_TOKEN = re.compile(r"\s+|[^\s]+")

ELLIPSIS = "…"


def line(text: str) -> str:
    """Return the text as one line without characters that drive a terminal."""
    return text.translate(_LINE)


def block(text: str) -> str:
    """Return the text with its lines, without characters that drive a terminal; tabs become spaces."""
    safe = text.translate(_BLOCK)
    return safe.expandtabs(4) if "\t" in safe else safe


def width(text: str) -> int:
    """Return the cells that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """Return the text, cut with an ellipsis if it takes more cells."""
    if width(text[: cells + 1]) <= cells and len(text) <= cells:
        return text
    if cells <= 0:
        return ""
    if (text := text[: cells * 2]).isascii():
        return text[: max(0, cells - len(ellipsis))] + ellipsis
    if width(text) <= cells:
        return text
    return split_at(text, cells - len(ellipsis))[0] + ellipsis


def split_at(text: str, cells: int) -> tuple[str, str]:
    """Return the longest beginning that fits into the cells, and the rest."""
    if text.isascii():
        return text[:cells], text[cells:]
    taken = 0
    for at, character in enumerate(text):
        taken += _character(character)
        if taken > cells:
            return text[:at], text[at:]
    return text, ""


def fill(text: str, cells: int, *, right: bool = False) -> str:
    """Return the text with spaces up to the width, on its left if `right`."""
    spaces = " " * (cells - width(text))
    return spaces + text if right else text + spaces


def tokens(text: str) -> list[str]:
    """Return the words and the spaces between them."""
    return _WIDE_TOKEN.findall(text)


@lru_cache(4096)
def _character(character: str) -> int:
    return cell_len(character)
