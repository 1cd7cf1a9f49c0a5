"""The messages of a session as one long page, of which only the visible part is drawn.

The place of the reader is (message, line within it), not a number of lines from the top. So nothing moves under the
reader's eyes when messages above turn out higher or lower than estimated.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from rich.segment import Segment
from textual.strip import Strip

from segue.browse.data.heights import Heights
from segue.browse.data.pages import EDGE, PAGE, Pages
from segue.browse.views import message as messages
from segue.browse.views.lines import Lines
from segue.browse.views.message import Drawn, Look, Place, draw, kind_of
from segue.browse.views.theme import Palette
from segue.browse.views.times import clock
from segue.conversation.parts import tool_calls, tool_results
from segue.models import Message, Summary

KEPT_LINES = 6000
"""Lines that were drawn and stay in memory."""

Position = tuple[int, int]
"""A message by its number in the session, and a line of it."""


class Reading(Lines):
    """The page, and the place of the reader. `fetch` is called with the number of each page that is missing."""

    def __init__(self, palette: Palette, fetch: Callable[[int], None], **options: Any) -> None:
        super().__init__(palette, **options)
        self._fetch = fetch
        self._cache: OrderedDict[int, tuple[Any, Drawn]] = OrderedDict()
        self._cached_lines = 0
        self.wrap_code = True
        self.query_pattern: re.Pattern[str] | None = None
        self.show(Pages(""))

    def show(self, pages: Pages) -> None:
        """Show the end of another session."""
        self.pages = pages
        self.heights = Heights(pages.count)
        self.reading_at: Position = (0, 0)
        self.cursor = max(0, pages.count - 1)
        self.follow = True
        self.unfolded: set[int] = set()
        self.all_unfolded = False
        self.mark: tuple[Position, Position] | None = None
        self.block: tuple[int, int] | None = None
        self.summary: Summary | None = None
        self.rows: list[tuple[Strip, int, int]] = []
        self._cache.clear()
        self._cached_lines = 0

    @property
    def current(self) -> Message | None:
        """Return the message under the cursor if it is in memory."""
        return self.pages[self.cursor] if self.pages.count else None

    def settle(self) -> None:
        """Draw the visible lines from the anchor downward."""
        self.heights.grow(self.pages.count)
        height = self.size.height
        if not height:
            return
        if self.follow:
            self.reading_at = self._last_anchor()
        at, line = self.reading_at
        rows: list[tuple[Strip, int, int]] = []
        first = at
        while len(rows) < height and at < self.pages.count:
            strips = self._strips(at)
            rows += [(strips[number], at, number) for number in range(min(line, len(strips)), len(strips))]
            line = 0
            at += 1
        self.rows = rows[:height]
        for number in self.pages.missing(first - EDGE, at + EDGE):
            self._fetch(number)
        self.view = [self._decorated(*row) for row in self.rows]
        self.refresh()

    def extent(self) -> tuple[int, int, int]:
        """Return the first visible line, and the numbers of visible and of all lines."""
        if not self.pages.count:
            return 0, 1, 1
        return self.heights.above(self.reading_at[0]) + self.reading_at[1], self.size.height, self.heights.total

    def height_of(self, at: int) -> int:
        """Return the height of a message: exact if it is in memory."""
        return len(self._strips(at))

    def _last_anchor(self) -> Position:
        """Return the anchor at which the last line is at the bottom."""
        left, at = self.size.height, self.pages.count
        self.heights.grow(at)
        while at > 0:
            at -= 1
            if (height := self.height_of(at)) >= left:
                return at, height - left
            left -= height
        return 0, 0

    def _strips(self, at: int) -> list[Strip]:
        if self.pages[at] is None:
            sign = Segment(f"  {self.palette.signs.waiting}", self.palette.base + self.palette.dim)
            return [Strip([sign]).adjust_cell_length(self.columns, self.palette.base)] * self.heights[at]
        strips = self._drawn(at).strips
        self.heights[at] = len(strips)
        return strips

    def _drawn(self, at: int) -> Drawn:
        message = self.pages[at]
        if message is None:
            return Drawn([], [], has_folds=False)
        unfolded = (message.id in self.unfolded) != self.all_unfolded
        place, neighbors = self._place(at, message)
        look = Look(self.palette, self.columns, self.wrap_code, self.query_pattern)
        key = (message.updated_at, message.state, len(message.content), look, unfolded, neighbors)
        cached = self._cache.get(message.id)
        if cached is not None and cached[0] == key:
            self._cache.move_to_end(message.id)
            return cached[1]
        drawn = draw(message, look, place, unfolded=unfolded)
        self._cached_lines += len(drawn.strips) - (len(cached[1].strips) if cached else 0)
        self._cache[message.id] = (key, drawn)
        self._cache.move_to_end(message.id)
        while self._cached_lines > KEPT_LINES and len(self._cache) > PAGE:
            self._cached_lines -= len(self._cache.popitem(last=False)[1][1].strips)
        return drawn

    def _place(self, at: int, message: Message) -> tuple[Place, Any]:
        """Return what the message needs of its neighbors, and a value that changes with it."""
        before = self.pages[at - 1] if at else None
        follows_tools = before is not None and kind_of(before) == "tools"
        calls = tool_calls(message.parts)
        results = tool_results(message.parts)
        known = tuple(self.pages.result_of(call.id) is not None for call in calls)
        called = tuple(self.pages.has_call(result.id) for result in results)
        divider = ""
        summary = self.summary
        if summary is not None and before is not None and before.id <= summary.messages_end < message.id:
            divider = f"summary of the messages above  {clock(summary.created_at)}"
        place = Place(self.pages.result_of, self.pages.has_call, follows_tools, divider)
        return place, (follows_tools, known, called, divider)

    def _decorated(self, strip: Strip, at: int, line: int) -> Strip:
        """Return a visible line with the sign of the cursor, or as marked."""
        if self.mark is not None:
            first, last = sorted(self.mark)
            return strip.apply_style(self.palette.selected) if first <= (at, line) <= last else strip
        if at != self.cursor or not self.has_focus or strip.text[messages.MARGIN :].strip() == "":
            return strip
        sign = Segment(self.palette.signs.cursor, self.palette.base + self.palette.accent)
        return Strip([sign, *strip.crop(1)], strip.cell_length)
