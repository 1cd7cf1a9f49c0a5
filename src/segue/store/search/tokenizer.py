"""The tokenizer: text as words, for the index and for queries alike.

Text is decomposed (NFKD), stripped of accents and case-folded. White space and punctuation separate words, so an
identifier such as `foo_bar` is the two words `foo bar`. A symbol outside ASCII, such as an emoji, is a word of one
character. So is each Chinese, Japanese or Korean character: adjacent ones are a phrase, which matches substrings.

The result is text with spaces between the words. Every other character is a lower-case ASCII letter, a digit or
outside ASCII. FTS5's `ascii` tokenizer splits such text exactly at the spaces, in every Unicode version.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec

VERSION = f"1/{unicodedata.unidata_version}"
"""Text: the tokenizer's version. A change rebuilds the index, because the same text may give other words."""

BREAK = "·"
"""Text: stands between CJK characters that were apart, so that they match no substring. Never part of a word."""

END = "‖"
"""Text: stands between two texts of a message, so that no phrase spans both."""

PART_BYTES = 64 * 1024
"""Bytes: a longer string in `parts` is a file and is not indexed."""

OPAQUE = frozenset({"data", "url", "id", "type"})
"""Names: members of `parts` that are not indexed."""

_EDGE = "\x00"  # Marks both sides of a CJK character during splitting. No text contains it, because it separates words.
_APART = re.compile(f"{_EDGE} +{_EDGE}")
_WORD = re.compile(f"{_EDGE}[^{_EDGE}]{_EDGE}|[^ {_EDGE}]+")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_ASCII_WORD = re.compile("[A-Za-z0-9]+")
_VOICING_MARKS = {0x3099, 0x309A}  # These make another kana letter, so they are not accents.
_MARK_RANGES = ((0xA0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000))
"""Ranges: the code points below U+10000 that may be accents; the Chinese and Korean blocks hold none."""
_CJK = (
    (0x1100, 0x11FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x3035), (0x3041, 0x318F), (0x31A0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)  # fmt: skip


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


class TokenSpan(NamedTuple):
    """A word and its position in the original text."""

    word: str
    start: int
    end: int


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


def is_cjk(word: str) -> bool:
    """Return True if the word is one character of a script that is searched by substring."""
    return is_single_char_token(word) and _EDGE in str(_split[ord(word)])


def tokenize(text: str) -> list[str]:
    """Return the words of the text in order."""
    return normalize(text).split()


def tokenize_with_offsets(text: str) -> list[TokenSpan]:
    """Return the words of the text with their positions. Slow, so only snippets use it.

    The text is folded one character with its accents at a time. A position may be missing where this differs from
    folding the whole text, which happens in no known language.
    """
    if text.isascii():
        return [TokenSpan(word[0].lower(), *word.span()) for word in _ASCII_WORD.finditer(text)]
    pieces: list[str] = []
    origins: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        pieces.append(_fold_cluster(text[start:end]))
        origins += [(start, end)] * len(pieces[-1])
    found: list[TokenSpan] = []
    edged, last = "".join(pieces), 0
    for word in _WORD.finditer(edged):
        span = TokenSpan(word[0].strip(_EDGE), origins[word.start()][0], origins[word.end() - 1][1])
        if found and word[0][0] == _EDGE and edged[last - 1] == _EDGE and word.start() > last:
            found.append(TokenSpan(BREAK, span.start, span.start))
        found.append(span)
        last = word.end()
    return found


def index_text(content: str, parts: str | None, name: str | None) -> str:
    """Return the words that a message is found by: of its content, its `parts` (JSON) and its session's name."""
    return f" {END} ".join(normalize(text) for text in (content, *part_strings(parts), name or "") if text)


def part_strings(parts: str | None) -> list[str]:
    """Return the strings inside `parts` that may hold words, in order."""
    found: list[str] = []
    if parts is not None:
        with suppress(msgspec.DecodeError, RecursionError):  # Another program may have changed the row.
            _collect(msgspec.json.decode(parts), found)
    return found


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        if len(value) <= PART_BYTES and len(value.encode()) <= PART_BYTES:
            found.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in OPAQUE:
                _collect(item, found)


def _fold_and_split(text: str) -> str:
    """Return the words with spaces between them, and each CJK character between two edges."""
    return fold(text).translate(_split)


_fold_cluster = lru_cache(maxsize=4096)(_fold_and_split)


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
    return kind == "Mn" and unicodedata.combining(char) not in (0, 9) and code not in _VOICING_MARKS


def _translation(code: int) -> int | str:
    char = chr(code)
    if code < 0x80:
        return code if char.isalnum() else " "
    kind = unicodedata.category(char)
    if any(first <= code <= last for first, last in _CJK) and kind[0] in "LMN":
        return f"{_EDGE}{char}{_EDGE}"
    if kind[0] in "LMN":
        return code
    # An unassigned code point is most likely a symbol of a newer Unicode version.
    return f" {char} " if kind[0] == "S" or kind in ("Cn", "Co") else " "
