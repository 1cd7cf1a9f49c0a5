"""Counts of messages over time, in memory and as the text that is stored."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import msgspec

from segue.models import MAX_INTEGER

_decode_columns: Callable[[str], Any] = msgspec.json.Decoder(list[list[int] | int]).decode


class Counts(NamedTuple):
    """Sums over messages."""

    messages: int
    user_messages: int
    tool_calls: int
    input_tokens: int
    output_tokens: int


Series = dict[int, Sequence[int]]
"""The counts of each millisecond since 1970 that has messages."""


def total(several: Iterable[Sequence[int]]) -> list[int]:
    """Return the sums, which stop at the largest integer."""
    return [min(sum(column), MAX_INTEGER) for column in zip(*several, strict=True)]


def encode_series(series: Series) -> str:
    """Return JSON columns, ascending by time. A column of equal numbers is that number. One moment needs no text."""
    if len(series) == 1:
        return ""
    times = sorted(series)
    columns = zip(*(series[at] for at in times), strict=True)
    shortened = [column[0] if len(set(column)) == 1 else column for column in columns]
    return msgspec.json.encode([[at - times[0] for at in times], *shortened]).decode()


class Moments(NamedTuple):
    """A decoded series: the moments as milliseconds since the first, ascending, and a column for each count.

    A column is a list, or the number that all moments have.
    """

    first_at: int
    offsets: list[int]
    columns: list[list[int] | int]

    def until(self, at: int, start: int = 0) -> int:
        """Return the position after the last moment that is not after `at`."""
        return bisect_right(self.offsets, at - self.first_at, start)

    def counts(self, start: int, end: int) -> list[int]:
        """Return the sums of a range of positions, in the order of `Counts`."""
        return [
            column * (end - start) if isinstance(column, int) else sum(column[start:end]) for column in self.columns
        ]


def decode_series(first_at: int, text: str) -> Moments:
    """Return the series that `encode_series` made text of, if that has more than one moment."""
    offsets, *columns = _decode_columns(text)
    return Moments(first_at, offsets, columns)


def merge(series: Series, stored: Moments) -> None:
    """Add a stored series."""
    columns = [repeat(column) if isinstance(column, int) else column for column in stored.columns]
    for offset, *counts in zip(stored.offsets, *columns, strict=False):
        add(series, stored.first_at + offset, counts)


def add(series: Series, at: int, counts: Sequence[int]) -> None:
    """Add counts of a moment."""
    series[at] = total((series[at], counts)) if at in series else counts
