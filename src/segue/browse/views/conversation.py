"""The conversation: all messages of a session as one long page, of which only the visible part is drawn.

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
from segue.models import Message, Summary
from segue.parts import tool_calls, tool_results

KEPT_LINES = 6000
"""Lines that were drawn and stay in memory."""

Position = tuple[int, int]
"""A message by its number in the session, and a line of it."""


class Conversation(Lines):
    """The pane of the open session. `fetch` is called with the number of each page that is missing."""

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

    def scroll_lines(self, count: int) -> None:
        """Move the view. Messages above are measured first, so that the move is exact."""
        if not self.pages.count:
            return
        at, line = self.reading_at
        line += count
        while line < 0 and at > 0:
            at -= 1
            line += self.height_of(at)
        while at < self.pages.count - 1 and line >= self.height_of(at):
            line -= self.height_of(at)
            at += 1
        self._move_to(at, max(0, line))

    def page(self, direction: float) -> None:
        """Move by a part of the height, and the cursor with the view."""
        self.scroll_lines(round(direction * max(1, self.size.height - 2)))
        shown = [at for _, at, _ in self.rows]
        if shown and self.cursor not in shown:
            self.cursor = shown[0] if direction > 0 else shown[-1]
            self.settle()

    def jump(self, fraction: float) -> None:
        """Move to a part of the whole."""
        self._move_to(*self.heights.at(round(fraction * max(0, self.heights.total - self.size.height))))

    def step(self, direction: int) -> None:
        """Move the cursor to the next message. One that is longer than the view is read to its end first."""
        if not self.rows:
            return None
        shown = [at for _, at, _ in self.rows]
        if self.cursor not in shown:
            self.cursor = shown[0] if direction > 0 else shown[-1]
            return self.settle()
        _, at, line = self.rows[-1] if direction > 0 else self.rows[0]
        left = self.height_of(at) - 1 - line if direction > 0 else line
        if at == self.cursor and left > 0:
            return self.scroll_lines(direction * min(left, max(1, self.size.height - 2)))
        target = self.cursor + direction
        while 0 <= target < self.pages.count and not self.height_of(target):
            target += direction
        if 0 <= target < self.pages.count:
            return self.reveal(target)
        return self.scroll_lines(direction * self.size.height)

    def reveal(self, at: int, line: int = 0) -> None:
        """Put the cursor on a message, and scroll as little as needed to show it, or a line of it."""
        self.cursor = at
        self.heights.grow(self.pages.count)
        height = self.height_of(at)
        first, last = (line, line) if line else (0, height - 1)
        shown = {(row_at, row_line) for _, row_at, row_line in self.rows}
        if (at, first) in shown and (at, last) in shown:
            return self.settle()
        if line or height >= self.size.height or (at, 0) < self.reading_at:
            self.reading_at, self.follow = (at, max(0, line - 2)), False
            return self.scroll_lines(0)
        self.reading_at, self.follow = (at, 0), False
        return self.scroll_lines(height - self.size.height)

    def top(self) -> None:
        """Move to the first message."""
        self.cursor = 0
        self._move_to(0, 0)

    def bottom(self) -> None:
        """Move to the last message, and follow new ones."""
        self.cursor = max(0, self.pages.count - 1)
        self.follow = True
        self.settle()

    def added(self) -> None:
        """Show messages that arrived; the reader's place stays unless it is the end."""
        if self.follow:
            self.cursor = max(0, self.pages.count - 1)
        self.settle()

    def toggle_fold(self) -> None:
        """Fold or unfold the message under the cursor."""
        if (message := self.current) is not None:
            self.unfolded ^= {message.id}
            self.follow = False
            self.settle()

    def press(self, y: int, *, dragged: bool) -> None:
        """Put the cursor on the clicked message; a second click folds it. Dragging marks lines."""
        if y >= len(self.rows):
            return None
        _, at, line = self.rows[y]
        if dragged:
            start = self.mark[0] if self.mark else (at, line)
            self.mark = (start, (at, line))
        elif at == self.cursor and not self.mark and self._drawn(at).has_folds:
            return self.toggle_fold()
        else:
            self.cursor, self.mark, self.follow = at, None, self.follow and at == self.pages.count - 1
        return self.settle()

    def start_mark(self) -> None:
        """Mark the first visible line of the message under the cursor."""
        line = next((line for _, at, line in self.rows if at == self.cursor), 0)
        self.mark = ((self.cursor, line), (self.cursor, line))
        self.settle()

    def extend_mark(self, count: int) -> None:
        """Move the end of the mark by lines."""
        if self.mark is None:
            return
        at, line = self.mark[1]
        line += count
        if line < 0 and at > 0:
            at = next((one for one in range(at - 1, -1, -1) if self.height_of(one)), at)
            line = self.height_of(at) - 1
        elif line >= self.height_of(at) and at < self.pages.count - 1:
            at, line = at + 1, 0
        self.mark = (self.mark[0], (at, max(0, min(line, self.height_of(at) - 1))))
        shown = [(row_at, row_line) for _, row_at, row_line in self.rows]
        if self.mark[1] not in shown:
            self.scroll_lines(count)
        self.settle()

    def marked_text(self) -> str:
        """Return the text of the marked lines."""
        if self.mark is None:
            return ""
        first, last = sorted(self.mark)
        lines = [
            strip.text[messages.MARGIN :].rstrip()
            for at in range(first[0], last[0] + 1)
            for line, strip in enumerate(self._strips(at))
            if first <= (at, line) <= last
        ]
        return "\n".join(lines).strip("\n")

    def next_block(self, direction: int) -> bool:
        """Move to the next code block in memory; False if there is none."""
        at, number = self.block if self.block and self.block[0] == self.cursor else (self.cursor, -1)
        number += direction if number >= 0 or direction > 0 else 0
        while 0 <= at < self.pages.count and self.pages[at] is not None:
            blocks = self._drawn(at).blocks
            if 0 <= number < len(blocks):
                self.block = (at, number)
                self.reveal(at, blocks[number][0])
                return True
            at += direction
            number = 0 if direction > 0 else len(self._drawn(at).blocks) - 1 if 0 <= at < self.pages.count else 0
        return False

    def code_block(self) -> str | None:
        """Return the source of the chosen code block, of the first one of the message, or of the view."""
        if self.block and self.block[0] == self.cursor:
            return self._drawn(self.cursor).blocks[self.block[1]][1]
        for at in dict.fromkeys([self.cursor, *(row_at for _, row_at, _ in self.rows)]):
            if self.pages[at] is not None and (blocks := self._drawn(at).blocks):
                return blocks[0][1]
        return None

    def height_of(self, at: int) -> int:
        """Return the height of a message: exact if it is in memory."""
        return len(self._strips(at))

    def _move_to(self, at: int, line: int) -> None:
        end = self._last_anchor()
        self.follow = (at, line) >= end
        self.reading_at = min((at, line), end)
        self.settle()

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
            divider = f"summary of the messages above  {messages.clock(summary.created_at)}"
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

    def on_focus(self) -> None:
        """Show the cursor."""
        self.settle()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.settle()
