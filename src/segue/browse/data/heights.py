"""The heights of all messages of a session: exact for those that were drawn, estimated for the others."""

from array import array

ESTIMATE = 5
"""Lines: the assumed height of a message that was not drawn yet."""

BLOCK = 128
"""Messages whose heights have one sum, so that a position among 100 000 takes some microseconds."""


class Heights:
    """A list of heights with fast sums."""

    def __init__(self, count: int = 0) -> None:
        self._heights = array("i", [ESTIMATE]) * count
        self._sums = [sum(self._heights[at : at + BLOCK]) for at in range(0, count, BLOCK)]
        self.total = ESTIMATE * count

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, at: int) -> int:
        return self._heights[at]

    def __setitem__(self, at: int, height: int) -> None:
        change = height - self._heights[at]
        if change:
            self._heights[at] = height
            self._sums[at // BLOCK] += change
            self.total += change

    def grow(self, count: int) -> None:
        """Add estimated heights up to `count` messages."""
        while len(self._heights) < count:
            if len(self._heights) % BLOCK == 0:
                self._sums.append(0)
            self._heights.append(ESTIMATE)
            self._sums[-1] += ESTIMATE
            self.total += ESTIMATE

    def above(self, at: int) -> int:
        """Return the lines above a message."""
        block = at // BLOCK
        return sum(self._sums[:block]) + sum(self._heights[block * BLOCK : at])

    def at(self, line: int) -> tuple[int, int]:
        """Return the message at a line of the whole, and the line within it."""
        if not len(self._heights):
            return 0, 0
        block = 0
        while block < len(self._sums) - 1 and line >= self._sums[block]:
            line -= self._sums[block]
            block += 1
        at = block * BLOCK
        while at < len(self._heights) - 1 and line >= self._heights[at]:
            line -= self._heights[at]
            at += 1
        return at, min(line, max(0, self._heights[at] - 1))
