"""Lines of a file that a tool appends to, read from where the last reading ended.

1. A cursor keeps what a reader made of the lines, the offset behind the last whole line, and the bytes before it.
2. A file that is another one, that is shorter, or whose bytes before the offset differ, is read from its beginning.
3. The last line counts only if it ends in a line feed, because the tool may still be writing it.
"""

import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from segue.history.reader import decode_leniently, open_regular

S = TypeVar("S")

MAX_LINE_BYTES = 64 * 2**20
"""Bytes. A longer line is skipped and counted, because one line must not take the importer's memory."""

CHUNK_BYTES = 2**20
"""Bytes of a long line that one call reads."""

COMPARED_BYTES = 1024
"""Bytes before the offset that are still the same in a file that only grew."""

KEPT_CURSORS = 32
KEPT_BYTES = 2**30
"""Cursors that are kept, and the bytes of their items. A cursor takes less memory than its item."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Lines(Generic[S]):
    """The lines of a file, and the state that a reader builds from them. It is the cursor of `Reader.read`."""

    def __init__(self, path: Path, state: S) -> None:
        self.state = state
        self.number = -1
        """The number of the record that was yielded last, from 0; damaged lines have none."""
        self.offset = 0
        """The offset behind the last line that was yielded."""
        self._path = path
        self._inode: tuple[int, int] | None = None
        self._before = b""

    def only_grew(self, path: Path) -> bool:
        """Return True if the file still begins with the lines that were read."""
        try:
            with open_regular(path) as file:
                file.seek(self.offset - len(self._before))
                return _inode(file) == self._inode and file.read(len(self._before)) == self._before
        except OSError:
            return False

    def read(self, skipped: Counter[str]) -> Iterator[bytes]:
        """Yield each whole line that is new, with its line feed; count those that are too long."""
        with open_regular(self._path) as file:
            self._inode = _inode(file)
            file.seek(self.offset)
            while (found := _next_line(file)) is not None:
                line, length = found
                self.offset += length
                if line is None:
                    skipped["line over 64 MiB"] += 1
                else:
                    yield line
            first = max(0, self.offset - COMPARED_BYTES)
            file.seek(first)
            self._before = file.read(self.offset - first)

    def records(self, skipped: Counter[str]) -> Iterator[dict[str, Any]]:
        """Yield each new line that holds a JSON object; count the others."""
        for line in self.read(skipped):
            if (record := _record(line, skipped)) is not None:
                self.number += 1
                yield record


class Cursors:
    """The cursors of the items that were read last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, tuple[int, object]] = OrderedDict()
        """The size of each item, and its cursor."""

    def take(self, path: Path) -> object:
        """Return an item's cursor and forget it, because a reading that fails leaves it in the middle."""
        return self._kept.pop(path, (0, None))[1]

    def keep(self, path: Path, cursor: object) -> None:
        """Keep an item's cursor, and forget the oldest ones over the limits."""
        if cursor is not None:
            with suppress(OSError):
                self._kept[path] = path.stat().st_size, cursor
        while len(self._kept) > 1 and (len(self._kept) > KEPT_CURSORS or self._bytes() > KEPT_BYTES):
            self._kept.popitem(last=False)

    def _bytes(self) -> int:
        return sum(size for size, _ in self._kept.values())


def continue_lines(path: Path, cursor: object, new_state: Callable[[], S]) -> Lines[S]:
    """Return the cursor if the file only grew since, else one that begins with a new state."""
    if isinstance(cursor, Lines) and cursor.only_grew(path):
        return cursor
    return Lines(path, new_state())


def read_json_lines(path: Path, skipped: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield each complete line of a file that holds a JSON object; count the others."""
    yield from Lines(path, None).records(skipped)


def _record(line: bytes, skipped: Counter[str]) -> dict[str, Any] | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if not line.strip():
            return None
        if isinstance(found := decode_leniently(line), dict):
            return found
        skipped["damaged line"] += 1
        return None


def _next_line(file: BufferedReader) -> tuple[bytes | None, int] | None:
    """Return the next whole line, None for one that is too long, and its length; None at the end."""
    line = file.readline(CHUNK_BYTES)
    if line.endswith(b"\n"):
        return line, len(line)
    pieces, size = [line], len(line)
    while not line.endswith(b"\n"):
        if not (line := file.readline(CHUNK_BYTES)):
            return None
        size += len(line)
        pieces = [*pieces, line] if size <= MAX_LINE_BYTES else []
    return b"".join(pieces) if size <= MAX_LINE_BYTES else None, size


def _inode(file: BufferedReader) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino
