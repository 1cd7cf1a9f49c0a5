"""The tokenizer: text as words, for the index and for queries alike.

Text is decomposed (NFKD), stripped of accents and case-folded. White space and punctuation separate words, so an
identifier such as `foo_bar` is the two words `foo bar`. A symbol outside ASCII, such as an emoji, is a word of one
character. So is each character of a script without spaces, such as Chinese or Thai, and of Korean: adjacent ones are
a phrase, which matches substrings.

The result is text with spaces between the words. Every other character is a lower-case ASCII letter, a digit or
outside ASCII. FTS5's `ascii` tokenizer splits such text exactly at the spaces, in every Unicode version.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

VERSION = f"2/{unicodedata.unidata_version}"
"""Text: the tokenizer's version. A change rebuilds the index, because the same text may give other words."""

BREAK = "·"
"""Text: separates characters of a script without spaces that were apart in the text. Never part of a word."""

END = "‖"
"""Text: stands between two texts of a message, so that no phrase spans both."""

_EDGE = (
    "\x00"  # Encloses a character of a script without spaces during splitting. It separates words, so no word has it.
)
_APART = re.compile(f"{_EDGE} +{_EDGE}")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_VOICING_MARKS = {0x3099, 0x309A}  # These make another kana letter, so they are not accents.
_MARK_RANGES = ((0xA0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000))
"""Ranges: the code points below U+10000 that may be accents; the Chinese and Korean blocks hold none."""
_CJK = (
    (0x1100, 0x11FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x3035), (0x3041, 0x318F), (0x31A0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)  # fmt: skip
_SOUTH_EAST_ASIAN = (
    (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19FF), (0x1A20, 0x1AAF), (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF),
)  # fmt: skip
"""Ranges: Thai, Lao, Tibetan; Burmese; Khmer; Tai Le, New Tai Lue; Tai Tham; Burmese; Burmese, Tai Viet."""


class _Split(dict[int, int | str]):
    """A cached table for str.translate: separators become spaces, single-character words get their edges."""

    def __missing__(self, code: int) -> int | str:
        self[code] = _translation(code)
        return self[code]


class _Extends(dict[str, bool]):
    """A cached table: True for a character that changes the one before it."""

    def __missing__(self, char: str) -> bool:
        self[char] = (
            unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")
            or "\u1160" <= char <= "\u11ff"
            or char in "\uff9e\uff9f"
        )
        return self[char]


_split = _Split()
_extends = _Extends()


def normalize(text: str) -> str:
    """Return the words of the text with spaces between them."""
    edged = _fold_and_split(text)
    return _APART.sub(f" {BREAK} ", edged).replace(_EDGE, " ") if _EDGE in edged else edged


def fold(text: str) -> str:
    """Return the text without accents and case, not split into words. Fast enough for every scored message."""
    if text.isascii():
        return text.lower()
    plain = _strip(unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFC", _strip(unicodedata.normalize("NFKD", plain)))


def is_single_char_token(word: str) -> bool:
    """Return True if the word is one character that needs no separator beside it."""
    return len(word) == 1 and isinstance(_split[ord(word)], str)


def is_unspaced(word: str) -> bool:
    """Return True if the word is one character of a script that is searched by substring."""
    return is_single_char_token(word) and _EDGE in str(_split[ord(word)])


def tokenize(text: str) -> list[str]:
    """Return the words of the text in order."""
    return normalize(text).split()


def fold_with_offsets(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the folded text and, for each of its characters, the range of the original text that it comes from.

    Slow, so only snippets use it. The text is folded one character with its accents at a time. The result differs
    from folding the whole text in no known language.
    """
    if text.isascii():
        return text.lower(), [(index, index + 1) for index in range(len(text))]
    pieces: list[str] = []
    origins: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        pieces.append(_fold_cluster(text[start:end]))
        origins += [(start, end)] * len(pieces[-1])
    return "".join(pieces), origins


def _fold_and_split(text: str) -> str:
    """Return the words with spaces between them, and each character of a script without spaces between edges."""
    return fold(text).translate(_split)


_fold_cluster = lru_cache(maxsize=4096)(fold)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each character with those that change it: accents, the rest of a Hangul syllable."""
    start = 0
    for index in range(1, len(text)):
        if not _extends[text[index]]:
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _strip(text: str) -> str:
    """Return the text without accents and invisible characters."""
    text = _dropped().sub("", text)
    return _ASTRAL.sub(lambda found: "" if _is_dropped(ord(found[0])) else found[0], text)


@cache
def _dropped() -> re.Pattern[str]:
    """Return a character class of all dropped code points below U+10000.

    The class costs one lookup per character only because it has no code point above. It is built on first use, because
    that takes 10 ms.
    """
    codes = (code for first, last in _MARK_RANGES for code in range(first, last) if _is_dropped(code))
    return re.compile(f"[{''.join(map(chr, codes))}]+")


def _is_dropped(code: int) -> bool:
    char = chr(code)
    kind = unicodedata.category(char)
    if kind == "Cf":
        return code != 0x200B  # A zero-width space separates words.
    if kind == "Me" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return True  # A frame around a symbol, or the selector of its variant.
    # Not accents: a mark of class 0 is a vowel sign, and one of class 9 joins consonants.
    is_accent = kind == "Mn" and unicodedata.combining(char) not in (0, 9) and code not in _VOICING_MARKS
    return is_accent and not _is_within(code, _SOUTH_EAST_ASIAN)


def _is_within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _translation(code: int) -> int | str:
    char = chr(code)
    if code < 0x80:
        return code if char.isalnum() else " "
    kind = unicodedata.category(char)
    if kind[0] in "LMN" and (_is_within(code, _CJK) or _is_within(code, _SOUTH_EAST_ASIAN)):
        return f"{_EDGE}{char}{_EDGE}"
    if kind[0] in "LMN":
        return code
    # An unassigned code point is most likely a symbol of a newer Unicode version.
    return f" {char} " if kind[0] == "S" or kind in ("Cn", "Co") else " "
