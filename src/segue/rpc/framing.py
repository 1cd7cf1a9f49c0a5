"""Bytes in, lines out: no socket here.

A line ends in LF. What grows past the limit is thrown away up to its LF and reported once, so that a
connection survives a line that was too long. A chunk is scanned once, however the bytes were cut.
"""

from enum import Enum


class Oversize(Enum):
    """Stands in the place of a line that was longer than the limit."""

    LINE = "line"


OVERSIZE = Oversize.LINE
_BLANK = b" \t\r"


class Lines:
    """Splits a stream of bytes into lines of at most `limit` bytes, LF not counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | Oversize]:
        """The lines that `data` completes, blank ones left out."""
        *ended, rest = data.split(b"\n")
        lines: list[bytes | Oversize] = []
        for part in ended:
            self._add(part, lines)
            self._end(lines)
        self._add(rest, lines)
        return lines

    def finish(self) -> list[bytes | Oversize]:
        """The last line, if the stream ended without an LF."""
        lines: list[bytes | Oversize] = []
        self._end(lines)
        return lines

    def _add(self, part: bytes, lines: list[bytes | Oversize]) -> None:
        if self._skipping or not part:
            return
        self._length += len(part)
        if self._length > self._limit:
            # Told at once, not at the LF: the sender may never send one.
            self._parts.clear()
            self._skipping = True
            lines.append(OVERSIZE)
        else:
            self._parts.append(part)

    def _end(self, lines: list[bytes | Oversize]) -> None:
        if self._parts:
            line = b"".join(self._parts)
            if line.strip(_BLANK):
                lines.append(line)
        self._parts.clear()
        self._length = 0
        self._skipping = False
