"""Split a stream of bytes into lines: no socket, no clock.

1. Split each chunk at its LFs, so that every byte is scanned once, however the stream was cut.
2. Return a line that is whole within its chunk as it is. Blank lines are left out.
3. Buffer the unfinished rest until a later chunk ends it.
4. When a line outgrows the limit, drop it, return TOO_LONG in its place, and skip to its LF.

The caller bounds what several streams buffer together: `buffered_bytes` shows when a line gets long.
"""

from enum import Enum


class TooLong(Enum):
    """The type of TOO_LONG."""

    TOO_LONG = "too long"


TOO_LONG = TooLong.TOO_LONG
"""Returned in the place of a line that was longer than the limit."""

_BLANK = b" \t\r"


class LineDecoder:
    """A decoder of lines of at most `limit` bytes, their LF not counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()  # A list of pieces would take 30 times as much for pieces of two bytes.
        self._skipping = False

    @property
    def buffered_bytes(self) -> int:
        """Return the length of the unfinished line."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Return the lines that `data` completes, without blank ones."""
        *ended, rest = data.split(b"\n")
        lines: list[bytes | TooLong] = []
        for part in ended:
            if self._buffer or self._skipping or len(part) > self._limit:
                self._buffer_part(part, lines)
                self._end_line(lines)
            elif part.strip(_BLANK):
                lines.append(part)
        self._buffer_part(rest, lines)
        return lines

    def finish(self) -> list[bytes | TooLong]:
        """Return the last line, if the stream ended without an LF."""
        lines: list[bytes | TooLong] = []
        self._end_line(lines)
        return lines

    def _buffer_part(self, part: bytes, lines: list[bytes | TooLong]) -> None:
        if self._skipping:
            return
        if len(self._buffer) + len(part) > self._limit:
            # Reported here and not at the LF, because the sender may never send one.
            lines.append(TOO_LONG)
            self._buffer = bytearray()
            self._skipping = True
        else:
            self._buffer += part

    def _end_line(self, lines: list[bytes | TooLong]) -> None:
        if self._buffer.strip(_BLANK):
            lines.append(bytes(self._buffer))
        self._buffer = bytearray()
        self._skipping = False
