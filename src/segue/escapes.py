"""The characters that a terminal must not receive from stored text, and how they are shown instead."""

from functools import cache

CONTROLS = (*range(0x20), 0x7F, *range(0x80, 0xA0))
"""Characters that drive a terminal."""

DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that change the direction of text, so that it reads differently from its bytes."""

SEPARATORS = (0x2028, 0x2029)
"""Line and paragraph separators, which some programs treat as line ends."""

TAGS = tuple(range(0xE0000, 0xE0080))
"""Invisible characters that can hide text."""

UNSAFE = (*CONTROLS, *DIRECTIONS, *SEPARATORS, *TAGS)


def visible(code: int) -> str:
    r"""Return the visible form of an unsafe character: `\x1b`, `\u202e` or `\U000e0041`."""
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_escape(code: int) -> str:
    r"""Return the JSON escape of a character; one above U+FFFF takes two."""
    units = chr(code).encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


LINE = {code: visible(code) for code in UNSAFE}
"""A table for `str.translate` that leaves no line end."""

BLOCK = {code: shown for code, shown in LINE.items() if chr(code) not in "\n\t"}
"""A table for `str.translate` that keeps line feeds and tabs."""


COLOR_CHARACTERS = frozenset("0123456789;:")
"""The characters between `ESC [` and `m` in a sequence that sets colors and styles (SGR)."""

COLOR_LENGTH = 64
"""Characters: the most between them. A longer sequence is escaped."""


def escape_all_but_colors(text: str) -> str:
    """Return the text with the unsafe characters escaped, except for sequences that set colors and styles."""
    first, *others = text.replace("\r\n", "\n").split("\x1b[")
    shown = [first.translate(BLOCK)]
    for other in others:
        style, end, rest = other.partition("m")
        if end and len(style) <= COLOR_LENGTH and COLOR_CHARACTERS.issuperset(style):
            shown += ["\x1b[", style, "m", rest.translate(BLOCK)]
        else:
            shown += ["\\x1b[", other.translate(BLOCK)]
    return "".join(shown)


@cache
def json_table() -> dict[int, str]:
    """Return a table for `str.translate` of JSON, in which all characters below the space are escaped already."""
    return {code: json_escape(code) for code in UNSAFE if code >= 0x7F}
