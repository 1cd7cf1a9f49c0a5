"""Code blocks as highlighted lines."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from rich.segment import Segment
from rich.style import Style

from segue.browse.views.text import first_sign, split_at, width
from segue.browse.views.theme import Palette, syntax_style

HIGHLIGHTED_CHARS = 20_000
"""Characters: a longer block has no colors, because lexing takes too long for a key press."""


def code_lines(source: str, info: str, palette: Palette, cells: int, *, wrap_code: bool) -> Iterator[list[Segment]]:
    """Yield the lines of a code block, padded to the width; long lines are wrapped with a mark, or cut."""
    margin = f"{palette.signs.divider} " if palette.is_ansi else "  "
    back = palette.code
    room = max(4, cells - 3)
    for line in _highlighted(source.removesuffix("\n"), info, palette.name):
        for number, part in enumerate(_folded(line, room, wrap_code=wrap_code, ellipsis=palette.signs.ellipsis)):
            begin = margin if not number else f"{palette.signs.wrapped} "
            used = sum(width(text) for text, _ in part)
            segments = [Segment(text, back + style if style else back) for text, style in part]
            rest = max(0, cells - used - width(begin))
            yield [Segment(begin, back + palette.line), *segments, Segment(" " * rest, back)]


def _folded(
    line: list[tuple[str, Style | None]], room: int, *, wrap_code: bool, ellipsis: str
) -> Iterator[list[tuple[str, Style | None]]]:
    """Yield a line in parts of at most `room` cells."""
    part: list[tuple[str, Style | None]] = []
    left = room
    for text, style in line:
        wide = width(text)
        while wide > left:
            piece, rest = split_at(text, left)
            if not piece and left == room:
                piece, rest = first_sign(text)
            part.append((piece, style))
            if not wrap_code:
                yield [*part, (ellipsis, None)]
                return
            yield part
            part, left, text = [], room, rest
            wide -= width(piece)
        if text:
            part.append((text, style))
            left -= wide
    yield part


def _highlighted(source: str, info: str, theme: str) -> Iterator[list[tuple[str, Style | None]]]:
    lexer = _lexer(info.split()[0].lower()) if info.split() and len(source) <= HIGHLIGHTED_CHARS else None
    if lexer is None:
        for text in source.split("\n"):
            yield [(text, None)]
        return
    line: list[tuple[str, Style | None]] = []
    for token, text in lexer.get_tokens(source):
        style = syntax_style(theme, token)
        first, *others = text.split("\n")
        line.append((first, style))
        for other in others:
            yield line
            line = [(other, style)]
    if any(text for text, _ in line):
        yield line


@lru_cache(64)
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name  # Loads with the first code block
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
