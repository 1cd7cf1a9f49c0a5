"""Bytes in, lines out: no socket here.

A line ends in LF. What grows past the limit is thrown away up to its LF and reported once, so that a
connection survives a line that was too long. A chunk is scanned once, however the bytes were cut.
"""

import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol


class Oversize(Enum):
    """Stands in the place of a line that was thrown away."""

    LINE = "line"
    """It was longer than the limit."""
    CROWD = "crowd"
    """It found no room beside the long lines of others."""


OVERSIZE = Oversize.LINE
CROWDED = Oversize.CROWD
_BLANK = b" \t\r"

FREE_BYTES = 65536
"""A line up to this length needs no room, so that however many hold long ones, small requests go on."""


STALLED_SECONDS = 10.0
"""A long line that has not grown for so long gives its room up to one that needs it."""


class Holder(Protocol):
    """A stream with a long line that grows."""

    grown_at: float
    """When it last grew, by the room's clock."""

    def give_up(self) -> None:
        """Throw the line away and give its room back."""


class Room:
    """Bytes that several streams together may hold in long lines; or each of many could hold as much as one may.

    Who stops in the middle of a line keeps its room only until another needs it.
    """

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = size
        self._growing: set[Holder] = set()
        self.clock = clock

    def take(self, count: int, holder: Holder) -> bool:
        """Whether so many bytes were free, if need be of lines that stall; they are not any more."""
        if count > self._free:
            self._free_stalled(count, holder)
        if count > self._free:
            return False
        self._free -= count
        holder.grown_at = self.clock()
        self._growing.add(holder)
        return True

    def settle(self, holder: Holder) -> None:
        """Its line grows no more."""
        self._growing.discard(holder)

    def give(self, count: int) -> None:
        """They are free again."""
        self._free += count

    def _free_stalled(self, count: int, but: Holder) -> None:
        """The longest stalled first, and no more than are needed."""
        latest = self.clock() - STALLED_SECONDS
        for holder in sorted(self._growing - {but}, key=lambda one: one.grown_at):
            if count <= self._free or holder.grown_at > latest:
                return
            holder.give_up()


class LineDecoder:
    """Splits a stream of bytes into lines of at most `limit` bytes, LF not counted."""

    def __init__(self, limit: int, room: Room | None = None) -> None:
        self._limit = limit
        self._room = room or Room(2**63)
        self._line = bytearray()  # not a list of pieces: of pieces of two bytes, each would take thirty times as many
        self._taken = 0
        """Room taken for the line that grows."""
        self._lent = 0
        """Room taken for lines that were handed out."""
        self._skipping = False
        self._gave_up = False
        self.grown_at = 0.0

    def feed(self, data: bytes) -> list[bytes | Oversize]:
        """The lines that `data` completes, blank ones left out."""
        *ended, rest = data.split(b"\n")
        lines = self._told()
        for part in ended:
            if self._line or self._skipping or len(part) > min(FREE_BYTES, self._limit):
                self._add(part, lines)
                self._end(lines)
            elif part.strip(_BLANK):  # most often a line comes whole
                lines.append(part)
        self._add(rest, lines)
        return lines

    def finish(self) -> list[bytes | Oversize]:
        """The last line, if the stream ended without an LF."""
        lines = self._told()
        self._end(lines)
        return lines

    def settle(self) -> None:
        """The lines that were handed out are done with: their room is free."""
        self._room.give(self._lent)
        self._lent = 0

    def give_up(self) -> None:
        """The line stalled, and another needs its room; it is told of once its stream goes on."""
        self._drop()
        self._skipping = self._gave_up = True

    def close(self) -> None:
        """Nothing more comes: all room is free."""
        self._drop()
        self.settle()

    def _told(self) -> list[bytes | Oversize]:
        """Where what is found begins: with the line that was given up."""
        gave_up, self._gave_up = self._gave_up, False
        return [CROWDED] if gave_up else []

    def _add(self, part: bytes, lines: list[bytes | Oversize]) -> None:
        if self._skipping or not part:
            return
        length = len(self._line) + len(part)
        if length > self._limit:
            # Told at once, not at the LF: the sender may never send one.
            self._skip(OVERSIZE, lines)
        elif not self._has_room(length):
            self._skip(CROWDED, lines)
        else:
            self._line += part

    def _has_room(self, length: int) -> bool:
        if length <= FREE_BYTES:
            return True
        if not self._room.take(length - self._taken, self):
            return False
        self._taken = length
        return True

    def _skip(self, why: Oversize, lines: list[bytes | Oversize]) -> None:
        self._drop()
        self._skipping = True
        lines.append(why)

    def _drop(self) -> None:
        self._line = bytearray()
        self._room.settle(self)
        self._room.give(self._taken)
        self._taken = 0

    def _end(self, lines: list[bytes | Oversize]) -> None:
        if self._line.strip(_BLANK):
            lines.append(bytes(self._line))
            self._lent += self._taken
            self._taken = 0
        self._drop()
        self._skipping = False
