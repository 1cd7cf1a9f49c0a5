"""Search messages line by line for a pattern, as grep does."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from segue.conversation.parts import strings
from segue.models import Message

_FLAGS = re.compile(r"\(\?([aimsux]+)\)")
"""Flags at the start of a pattern. Python allows no text before them."""


class Line(NamedTuple):
    """A line of a message, and the ranges in it that match."""

    text: str
    spans: list[tuple[int, int]]


def compile_pattern(
    pattern: str, *, is_fixed: bool = False, ignore_case: bool = False, whole_words: bool = False
) -> re.Pattern[str]:
    """Return the pattern; `^` and `$` match at each line of a text.

    Raises:
        re.error: It is not a regular expression.
    """
    source = re.escape(pattern) if is_fixed else pattern
    re.compile(source)  # Alone, because an error names a position in it
    flags = "im" if ignore_case else "m"
    if found := _FLAGS.match(source):
        flags, source = flags + found[1], source[found.end() :]
    if whole_words:
        source = rf"\b(?:{source})\b"
    return re.compile(f"(?{flags}){source}")


def matching_lines(message: Message, pattern: re.Pattern[str]) -> Iterator[Line]:
    """Yield the lines of the content and of the parts that match."""
    # Text parts are the content already.
    for text in (message.content, *(text for text in strings(message.parts) if text not in message.content)):
        for line in text.split("\n"):
            if spans := [match.span() for match in pattern.finditer(line)]:
                yield Line(line.removesuffix("\r"), spans)


def cut(line: Line, chars: int) -> Line:
    """Return the part of a long line that has the first match."""
    if len(line.text) <= chars:
        return line
    first = max(0, min(line.spans[0][0] - chars // 4, len(line.text) - chars))
    last = first + chars
    head, tail = "…" if first else "", "…" if last < len(line.text) else ""
    moved = [(max(start, first), min(end, last)) for start, end in line.spans if first <= start < last]
    shift = len(head) - first
    return Line(head + line.text[first:last] + tail, [(start + shift, end + shift) for start, end in moved])
