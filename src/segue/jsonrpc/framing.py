"""Split a stream of bytes into messages: one per line, or framed by Content-Length. No socket, no clock.

Lines:

1. Split each chunk at its LFs, so that every byte is scanned once, however the stream was cut.
2. Return a line that is whole within its chunk as it is. Blank lines are left out.
3. Buffer the unfinished rest until a later chunk ends it.
4. When a line outgrows the limit, drop it, return TOO_LONG in its place, and skip to its LF.

Content-Length, the base protocol of LSP, if the first bytes of the stream are `Content-` in any case:

1. Buffer the header up to its empty line, and read its Content-Length.
2. Buffer the body of that length and return it. Skip a body over the limit and return TOO_LONG in its place.
3. Return BAD_HEADER in the place of a header without a valid length, and continue after it.

The caller bounds what several streams buffer together: `buffered_bytes` shows when a line gets long.
"""

import re
from enum import Enum


class Unreadable(Enum):
    """The reason why the stream has no message in this place."""

    TOO_LONG = "too long"
    BAD_HEADER = "bad header"


TOO_LONG = Unreadable.TOO_LONG
BAD_HEADER = Unreadable.BAD_HEADER

CONTENT_LENGTH_START = b"content-"

MAX_HEADER_BYTES = 8192
"""Bytes: a longer header is a bad one. The longest that a client sends has less than 100."""

_HEADER_END = rb"\r?\n\r?\n"
_LENGTH = rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$"
# Not compiled here, because a client never needs them.

_BLANK = b" \t\r"


class MessageDecoder:
    """A decoder that chooses the framing by the first bytes of the stream, in both directions."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._start = b""
        self._decoder: LineDecoder | ContentLengthDecoder | None = None

    @property
    def buffered_bytes(self) -> int:
        """Return the length of the unfinished message."""
        return 0 if self._decoder is None else self._decoder.buffered_bytes

    def feed(self, data: bytes) -> list[bytes | Unreadable]:
        """Return the messages that `data` completes."""
        if self._decoder is None:
            self._start += data
            start = self._start[: len(CONTENT_LENGTH_START)].lower()
            if len(start) < len(CONTENT_LENGTH_START) and CONTENT_LENGTH_START.startswith(start):
                return []
            self._decoder = (ContentLengthDecoder if start == CONTENT_LENGTH_START else LineDecoder)(self._limit)
            data = self._start
        return self._decoder.feed(data)

    def is_one_line(self, data: bytes) -> bool:
        """Return True if `feed` would return `data` without its LF and buffer nothing. The first line is never one."""
        return isinstance(self._decoder, LineDecoder) and self._decoder.is_one_line(data)

    def finish(self) -> list[bytes | Unreadable]:
        """Return the last message, if the stream ended within a line."""
        decoder = self._decoder or LineDecoder(self._limit)
        return [*(decoder.feed(self._start) if self._decoder is None else ()), *decoder.finish()]

    def encode(self, lines: bytes) -> bytes:
        """Return lines in the framing of the stream."""
        if not isinstance(self._decoder, ContentLengthDecoder):
            return lines
        return b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(line), line) for line in lines.splitlines() if line)


class LineDecoder:
    """A decoder of lines of at most `limit` bytes, their LF and a CR before it not counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()  # A list of pieces would take 30 times as much for pieces of two bytes.
        self._skipping = False

    @property
    def buffered_bytes(self) -> int:
        """Return the length of the unfinished line."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | Unreadable]:
        """Return the lines that `data` completes, without blank ones."""
        *ended, rest = data.split(b"\n")
        lines: list[bytes | Unreadable] = []
        for part in ended:
            if self._buffer or self._skipping or len(part) > self._limit:
                self._buffer_part(part, lines)
                self._end_line(lines)
            elif part.strip(_BLANK):
                lines.append(part)
        self._buffer_part(rest, lines)
        return lines

    def is_one_line(self, data: bytes) -> bool:
        """Return True if no line has begun and `data` is one whole line within the limit."""
        if self._buffer or self._skipping or len(data) - 1 > self._limit:
            return False
        return data.find(b"\n") == len(data) - 1

    def finish(self) -> list[bytes | Unreadable]:
        """Return the last line, if the stream ended without an LF."""
        lines: list[bytes | Unreadable] = []
        self._end_line(lines)
        return lines

    def _buffer_part(self, part: bytes, lines: list[bytes | Unreadable]) -> None:
        if self._skipping or not part:
            return
        # A CR may be one byte more, because it may be the end of the line. What follows it shows whether it is.
        if len(self._buffer) + len(part) > self._limit + part.endswith(b"\r"):
            # Reported here and not at the LF, because the sender may never send one.
            lines.append(TOO_LONG)
            self._buffer = bytearray()
            self._skipping = True
        else:
            self._buffer += part

    def _end_line(self, lines: list[bytes | Unreadable]) -> None:
        if self._buffer.strip(_BLANK):
            lines.append(bytes(self._buffer))
        self._buffer = bytearray()
        self._skipping = False


class ContentLengthDecoder:
    """A decoder of bodies of at most `limit` bytes, each after a header with its Content-Length."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._body_bytes: int | None = None
        """The length of the body that comes next, or None within a header."""
        self._skip_bytes = 0

    @property
    def buffered_bytes(self) -> int:
        """Return the length of the unfinished header or body."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | Unreadable]:
        """Return the bodies that `data` completes."""
        skipped = min(self._skip_bytes, len(data))
        self._skip_bytes -= skipped
        self._buffer += data[skipped:]
        bodies: list[bytes | Unreadable] = []
        while self._take_header(bodies) if self._body_bytes is None else self._take_body(bodies, self._body_bytes):
            pass
        return bodies

    def finish(self) -> list[bytes | Unreadable]:
        """Return no body, because an unfinished one is no message."""
        return []

    def _take_header(self, bodies: list[bytes | Unreadable]) -> bool:
        """Return False if the header is not finished."""
        end = re.search(_HEADER_END, self._buffer)
        if end is None:
            if len(self._buffer) > MAX_HEADER_BYTES:
                bodies.append(BAD_HEADER)
                self._buffer = bytearray()
            return False
        found = re.search(_LENGTH, bytes(self._buffer[: end.start()]))
        del self._buffer[: end.end()]
        length = int(found[1]) if found else None
        if length is None:
            bodies.append(BAD_HEADER)
        elif length > self._limit:
            bodies.append(TOO_LONG)
            self._skip_bytes = max(0, length - len(self._buffer))
            del self._buffer[:length]
        else:
            self._body_bytes = length
        return True

    def _take_body(self, bodies: list[bytes | Unreadable], length: int) -> bool:
        """Return False if the body is not finished."""
        if len(self._buffer) < length:
            return False
        bodies.append(bytes(self._buffer[:length]))
        del self._buffer[:length]
        self._body_bytes = None
        return True
