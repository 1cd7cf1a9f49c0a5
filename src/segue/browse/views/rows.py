"""The list: sessions in groups, or the hits of a search. Only the visible rows are drawn."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset
from textual.message import Message
from textual.strip import Strip

from segue.browse.views.lines import Lines, strip
from segue.browse.views.row_drawing import Heading, HitRow, HitSession, Note, Row, RowPainter, SessionRow, key_of
from segue.browse.views.theme import Palette


class Rows(Lines):
    """The pane of the list."""

    class Moved(Message):
        """The cursor is on another row."""

    class Chosen(Message):
        """A row was chosen with the pointer."""

    def __init__(self, palette: Palette, **options: Any) -> None:
        super().__init__(palette, **options)
        self.rows: Sequence[Row] = ()
        self.dense = False
        self.cursor = 0
        self._ends: list[int] = []

    @property
    def current(self) -> Row | None:
        """Return the row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def fill(self, rows: Sequence[Row], *, select: tuple[str, object] | None = None) -> None:
        """Show other rows. The cursor stays on its row, or goes to the one that `select` names."""
        wanted = select or (key_of(self.current) if self.current is not None else None)
        offset = self._top(self.cursor) - self.first_line
        self.rows = rows
        self._ends = [*accumulate(map(self._height, rows))]
        self.total = self._top(len(rows))
        found = next((at for at, row in enumerate(rows) if key_of(row) == wanted), None)
        if found is not None and not self._is_selectable(rows[found]):
            found = self._selectable(found, 1)
        if found is None:
            found = self._selectable(min(self.cursor, len(rows) - 1) if select is None else 0, 1)
        self.cursor = found
        if select is None:
            self.first_line = max(0, self._top(self.cursor) - offset)
        self.reveal()

    def set_dense(self, *, dense: bool) -> None:
        """Show one line for each session, or two."""
        self.dense = dense
        self.fill(self.rows)

    def settle(self) -> None:
        """Draw the visible rows."""
        height = self.size.height
        self.first_line = max(0, min(self.first_line, self.total - height))
        view: list[Strip] = []
        at = bisect_right(self._ends, self.first_line)
        skipped = self.first_line - self._top(at)
        while len(view) < height and at < len(self.rows):
            view += self._draw(at)[skipped:]
            skipped = 0
            at += 1
        self.view = view[:height]
        if self.has_focus:  # Screen readers and magnifiers follow the terminal's cursor
            self.app.cursor_position = Offset(self.region.x, self.region.y + self._top(self.cursor) - self.first_line)
        self.refresh()

    def move(self, count: int) -> None:
        """Move the cursor by rows."""
        self.select(self._selectable(max(0, min(self.cursor + count, len(self.rows) - 1)), 1 if count > 0 else -1))

    def page(self, direction: float) -> None:
        """Move the cursor by a part of the height."""
        line = self._top(self.cursor) + round(direction * max(1, self.size.height - 2))
        at = bisect_right(self._ends, max(0, line))
        self.select(self._selectable(min(at, len(self.rows) - 1), 1 if direction > 0 else -1))

    def select(self, at: int) -> None:
        """Put the cursor on a row."""
        if at != self.cursor:
            self.cursor = at
            self.post_message(self.Moved())
        self.reveal()

    def end(self, direction: int) -> None:
        """Move the cursor to the first or the last row."""
        self.select(self._selectable(len(self.rows) - 1 if direction > 0 else 0, -direction))

    def reveal(self) -> None:
        """Scroll as little as needed to show the row under the cursor, with its heading."""
        if not self.rows:
            return self.settle()
        top, end = self._top(self.cursor), self._ends[self.cursor]
        if self.cursor and isinstance(self.rows[self.cursor - 1], Heading | HitSession):
            top -= 1
        if top < self.first_line:
            self.first_line = top
        elif end > self.first_line + self.size.height:
            self.first_line = end - self.size.height
        return self.settle()

    def press(self, y: int, *, dragged: bool) -> None:
        """Put the cursor on the clicked row; a click on the row under the cursor chooses it."""
        at = bisect_right(self._ends, self.first_line + y)
        if dragged or at >= len(self.rows):
            return
        if at == self.cursor:
            self.post_message(self.Chosen())
        elif self._is_selectable(self.rows[at]):
            self.select(at)

    def _height(self, row: Row) -> int:
        return 2 if isinstance(row, SessionRow) and not self.dense else 1

    def _top(self, at: int) -> int:
        return self._ends[at - 1] if 0 < at <= len(self._ends) else 0

    def _selectable(self, at: int, direction: int) -> int:
        """Return the next row from `at` on that the cursor can be on; else the next in the other direction."""
        for step in (direction, -direction):
            one = at
            while 0 <= one < len(self.rows):
                if self._is_selectable(self.rows[one]):
                    return one
                one += step
        return 0

    @staticmethod
    def _is_selectable(row: Row) -> bool:
        if isinstance(row, Heading):
            return row.folded
        return isinstance(row, SessionRow | HitRow) or (isinstance(row, Note) and row.can_be_chosen)

    def _draw(self, at: int) -> list[Strip]:
        row = self.rows[at]
        base, cells = self.palette.base, self.columns
        lines = RowPainter(self.palette, cells, dense=self.dense).lines(row)
        if at != self.cursor or not self._is_selectable(row):
            return [strip(line, base, cells) for line in lines]
        base += self.palette.selected
        if self.has_focus:
            sign = Segment(self.palette.signs.cursor, self.palette.accent)
            lines = [[sign, *_without_first_cell(line)] for line in lines]
        if self.palette.is_ansi:  # Colors on a reversed line may be hard to read
            lines = [[Segment(segment.text, Style(bold=self.has_focus)) for segment in line] for line in lines]
        return [strip(line, base, cells) for line in lines]


def _without_first_cell(line: list[Segment]) -> list[Segment]:
    first, *others = line
    return [Segment(first.text[1:], first.style), *others]
