"""Text as words: what the search index is given, and what a person's query is turned into.

One spelling for all: compatibility forms unfolded (NFKD), accents taken off, cases folded. What separates words is
white space and punctuation, so an identifier is the row of its parts: `foo_bar` is `foo bar`. A symbol outside
ASCII, such as an emoji, is a word by itself, and so is each Chinese, Japanese or Korean character: these scripts
are searched by substring, and a row of characters is one.

The result is text in which blanks stand between words and every other character is a lower-case ASCII letter, a
digit or not ASCII: what FTS5's `ascii` tokenizer splits exactly as we do, whatever Unicode version it knows.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any, NamedTuple
from unicodedata import category, combining, normalize, unidata_version

import msgspec

VERSION = f"1/{unidata_version}"
"""Changes when the same text may give other words: an index made with another version is made anew."""

BREAK = "·"
"""Stands between two CJK characters that were apart: they are no substring. Punctuation, so never in a word."""

END = "‖"
"""Stands between two texts, so that no phrase goes from one into the next."""

PART_BYTES = 64 * 1024
"""Longer strings in `parts` are files, not words."""

OPAQUE = frozenset({"data", "url", "id", "type"})
"""Members of `parts` that hold no words."""

_EDGE = "\x00"  # on both sides of a CJK character while words are told apart; as a separator it is in no text
_APART = re.compile(f"{_EDGE} +{_EDGE}")
_WORD = re.compile(f"{_EDGE}[^{_EDGE}]{_EDGE}|[^ {_EDGE}]+")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_ASCII_WORD = re.compile("[A-Za-z0-9]+")
_JOINING = {0x3099, 0x309A}  # the voicing marks of kana make another letter, not an accent
_MARKED = ((0xA0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000))
"""Where such characters are: not among the Chinese and Korean ones."""
_CJK = (
    (0x1100, 0x11FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x3035), (0x3041, 0x318F), (0x31A0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)  # fmt: skip


class _Split(dict[int, int | str]):
    """For str.translate: a separator to a blank, a word of one character with its edges. Looked at once each."""

    def __missing__(self, code: int) -> int | str:
        self[code] = _place(code)
        return self[code]


class _Extends(dict[str, bool]):
    """Whether a character changes the one before it. Looked at once each."""

    def __missing__(self, char: str) -> bool:
        self[char] = (
            category(char) in ("Mn", "Mc", "Me", "Cf") or "\u1160" <= char <= "\u11ff" or char in "\uff9e\uff9f"
        )
        return self[char]


_split = _Split()
_extends = _Extends()


class TokenSpan(NamedTuple):
    """A word, and where it stands in the text it came from."""

    word: str
    start: int
    end: int


def spaced(text: str) -> str:
    """The words of the text with blanks between them."""
    edged = _fold(text)
    return _APART.sub(f" {BREAK} ", edged).replace(_EDGE, " ") if _EDGE in edged else edged


def folded(text: str) -> str:
    """The text with accents taken off and cases folded, but not split into words: fast, for a look at a text."""
    if text.isascii():
        return text.lower()
    plain = _strip(normalize("NFKD", text)).casefold()
    return normalize("NFC", _strip(normalize("NFKD", plain)))


def is_alone(word: str) -> bool:
    """Whether the word is one character that needs nothing between it and others."""
    return len(word) == 1 and isinstance(_split[ord(word)], str)


def is_cjk(word: str) -> bool:
    """Whether the word is one character of a script that is searched by substring."""
    return is_alone(word) and _EDGE in str(_split[ord(word)])


def split(text: str) -> list[str]:
    """The words of the text in their order."""
    return spaced(text).split()


def placed(text: str) -> list[TokenSpan]:
    """The words of the text and where they stand; slow, so for what is shown only.

    The text is folded character by character, each with its accents. Where that differs from the whole text
    (no known language), a place may be missing.
    """
    if text.isascii():
        return [TokenSpan(word[0].lower(), *word.span()) for word in _ASCII_WORD.finditer(text)]
    pieces: list[str] = []
    origins: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        pieces.append(_fold_once(text[start:end]))
        origins += [(start, end)] * len(pieces[-1])
    found: list[TokenSpan] = []
    edged, last = "".join(pieces), 0
    for word in _WORD.finditer(edged):
        place = TokenSpan(word[0].strip(_EDGE), origins[word.start()][0], origins[word.end() - 1][1])
        if found and word[0][0] == _EDGE and edged[last - 1] == _EDGE and word.start() > last:
            found.append(TokenSpan(BREAK, place.start, place.start))
        found.append(place)
        last = word.end()
    return found


def of_message(content: str, parts: str | None, name: str | None) -> str:
    """All words by which a message is found: its content's, its parts' (a column's JSON) and its session's name's."""
    return f" {END} ".join(spaced(text) for text in (content, *strings(parts), name or "") if text)


def strings(parts: str | None) -> list[str]:
    """The strings inside parts that may hold words, in their order."""
    found: list[str] = []
    if parts is not None:
        with suppress(msgspec.DecodeError, RecursionError):  # changed by hand, perhaps
            _collect(msgspec.json.decode(parts), found)
    return found


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        if len(value) <= PART_BYTES and len(value.encode()) <= PART_BYTES:
            found.append(value)
    elif isinstance(value, list):
        for one in value:
            _collect(one, found)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name not in OPAQUE:
                _collect(one, found)


def _fold(text: str) -> str:
    """The words with blanks between them, and each CJK character between two edges."""
    return folded(text).translate(_split)


_fold_once = lru_cache(maxsize=4096)(_fold)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Where each character begins and ends, with those that change it: accents, the rest of a Hangul syllable."""
    start = 0
    for index in range(1, len(text)):
        if not _extends[text[index]]:
            yield start, index
            start = index
    if text:
        yield start, len(text)


def _strip(text: str) -> str:
    """The text without accents and invisible characters."""
    text = _dropped().sub("", text)
    return _ASTRAL.sub(lambda found: "" if _is_dropped(ord(found[0])) else found[0], text)


@cache
def _dropped() -> re.Pattern[str]:
    """One lookup a character, as long as all are of the first plane. Some 10 ms to make, so not before it is needed."""
    codes = (code for first, last in _MARKED for code in range(first, last) if _is_dropped(code))
    return re.compile(f"[{''.join(map(chr, codes))}]+")


def _is_dropped(code: int) -> bool:
    char = chr(code)
    kind = category(char)
    if kind == "Cf":
        return code != 0x200B  # a zero-width space stands between words
    if kind == "Me" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return True  # a frame around a symbol, or the choice of its look
    # Marks without a combining class are vowel signs, and class 9 joins consonants: not accents.
    return kind == "Mn" and combining(char) not in (0, 9) and code not in _JOINING


def _place(code: int) -> int | str:
    char = chr(code)
    if code < 0x80:
        return code if char.isalnum() else " "
    kind = category(char)
    if any(first <= code <= last for first, last in _CJK) and kind[0] in "LMN":
        return f"{_EDGE}{char}{_EDGE}"
    if kind[0] in "LMN":
        return code
    # Unassigned: a symbol of a newer Unicode, most likely.
    return f" {char} " if kind[0] == "S" or kind in ("Cn", "Co") else " "
