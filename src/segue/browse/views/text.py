"""Foreign text made safe for the screen, and its width in cells as Textual counts it.

Terminals disagree on the width of some signs, such as flags, skin tones and joined emoji. The browser puts the cursor
after each of them itself: whatever a terminal draws, the rest of the line is in its place.

The scripts of India and its neighbors have vowels that take a cell of their own in most terminals, and none in Textual.
Each of them gets a filler, which counts as a cell and is never written.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import category

from rich.cells import cell_len

from segue.escapes import DIRECTIONS, UNSAFE

if TYPE_CHECKING:
    from textual.driver import Driver

MARKS = (0x200E, 0x200F, 0x061C)
"""Marks of direction that only order neighbours. They are left out, because Hebrew and Arabic texts contain them."""

FILLER = "\ue002"
"""It follows a vowel with a cell of its own. The code is a private one; in foreign texts it is replaced."""

_SCRIPTS = range(0x0900, 0x1C00)
_VOWELS = "".join(chr(code) for code in _SCRIPTS if category(chr(code)) == "Mc")
_SIGNS_ABOVE = "".join(chr(code) for code in _SCRIPTS if category(chr(code)) == "Mn")

_TABLE: dict[int, str | None] = dict.fromkeys((*UNSAFE, *DIRECTIONS, 0xE000, 0xE001, ord(FILLER)), "�")
_TABLE |= dict.fromkeys(MARKS) | {ord(vowel): vowel + FILLER for vowel in _VOWELS}
_LINE = str.maketrans({**_TABLE, 0x0A: " ", 0x0D: " ", 0x09: " ", 0x2028: " ", 0x2029: " "})
_BLOCK = str.maketrans({**_TABLE, 0x0A: "\n", 0x0D: "", 0x2028: "\n", 0x2029: "\n"} | {0x09: "\t"})
_WIDE_TOKEN = re.compile(r"\s+|[^\s]+")

ELLIPSIS = "…"

_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_MARKED = "[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_JOINED = f"\u200d[^\x00-\x1f]{_MARKED}*"

CLUSTER = re.compile(
    f"{_FLAG}|.{_MARKED}*(?:{_JOINED})*[{_VOWELS}{_SIGNS_ABOVE}{FILLER}\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]*",
    re.DOTALL,
)
"""One sign: a flag, or a character with its variation, skin tone, accents and all that is joined to it."""

DOUBTFUL = re.compile(
    f"[\u0900-\u1bff\u200c\u200d]*{FILLER}[\u0900-\u1bff\u200c\u200d{FILLER}]*|{_FLAG}|[^\x00-\x1f]{_MARKED}+(?:{_JOINED})*|[^\x00-\x1f](?:{_JOINED})+|[\u3164\uffa0\U0001f000-\U0001fbff]"
)
"""A sign whose width differs between terminals. Control characters are none: what a terminal obeys stays as it is."""

_SIGNS = re.compile(f"[{FILLER}\u200d\u20e3\u3164\ufe0e\ufe0f\uffa0\U0001f000-\U0001fbff\U000e0020-\U000e007f]")
"""Characters of which each such sign has one. Most output has none, and a search for them is ten times as fast."""

SAVE, RESTORE = "\x1b7", "\x1b8"


def line(text: str) -> str:
    """Return the text as one line without characters that drive a terminal."""
    return text.translate(_LINE)


def block(text: str) -> str:
    """Return the text with its lines, without characters that drive a terminal; tabs become spaces."""
    safe = text.translate(_BLOCK)
    return safe.expandtabs(4) if "\t" in safe else safe


def without_fillers(text: str) -> str:
    """Return the text as it was before it was made safe for the screen."""
    return text.replace(FILLER, "")


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
    for sign in CLUSTER.finditer(text):
        taken += _sign(sign[0])
        if taken > cells:
            return text[: sign.start()], text[sign.start() :]
    return text, ""


def first_sign(text: str) -> tuple[str, str]:
    """Return the first sign of a text, which may be several characters, and the rest."""
    end = found.end() if (found := CLUSTER.match(text)) is not None else 0
    return text[:end], text[end:]


def fill(text: str, cells: int, *, right: bool = False) -> str:
    """Return the text with spaces up to the width, on its left if `right`."""
    spaces = " " * (cells - width(text))
    return spaces + text if right else text + spaces


def tokens(text: str) -> list[str]:
    """Return the words and the spaces between them."""
    return _WIDE_TOKEN.findall(text)


@lru_cache(4096)
def _sign(sign: str) -> int:
    return cell_len(sign)


def placed(output: str) -> str:
    """Return output for a terminal in which the cursor is put after each sign of doubtful width."""
    return DOUBTFUL.sub(_placed, output) if _SIGNS.search(output) else output


def _placed(found: re.Match[str]) -> str:
    return _at_its_place(found[0])


@lru_cache(1024)
def _at_its_place(sign: str) -> str:
    """Return a sign with its cells emptied first, and with the cursor after them."""
    cells = cell_len(sign)
    forward = f"\x1b[{cells}C" if cells else ""
    return f"{SAVE}{' ' * cells}{RESTORE}{without_fillers(sign)}{RESTORE}{forward}"


def placing(driver: "type[Driver]") -> "type[Driver]":
    """Return a driver of Textual that puts the cursor after each sign of doubtful width."""

    class Placing(driver):  # type: ignore[valid-type, misc]
        def write(self, data: str) -> None:
            super().write(placed(data))

    return Placing
