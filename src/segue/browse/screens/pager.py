"""Lines on the whole screen, and the whole text of one message, also of 8 MB: lines are cut only where visible."""

from bisect import bisect_right
from itertools import accumulate
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Static

from segue.browse.keys import fitting
from segue.browse.views import text as texts
from segue.browse.views.lines import Lines, strip
from segue.browse.views.theme import Palette


class TextPage(Lines):
    """A long plain text."""

    def __init__(self, palette: Palette, text: str) -> None:
        super().__init__(palette)
        self._lines = texts.block(text).split("\n")
        self._ends: list[int] = []
        self._cells = 0

    def settle(self) -> None:
        """Draw the visible lines."""
        if self._cells != self.columns:
            self._measure()
        height = self.size.height
        self.first_line = max(0, min(self.first_line, self.total - height))
        self.view = [self._draw(row) for row in range(self.first_line, min(self.first_line + height, self.total))]
        self.refresh()

    def _measure(self) -> None:
        self._cells = self.columns
        self._ends = [*accumulate(max(1, -(-len(line) // self._characters(line))) for line in self._lines)]
        self.total = self._ends[-1]

    def _characters(self, line: str) -> int:
        """Return the characters of a row: half as many where one may take two cells."""
        room = max(2, self._cells - 2)
        return room if line.isascii() else room // 2

    def _draw(self, row: int) -> Strip:
        at = bisect_right(self._ends, row)
        line = self._lines[at]
        first = (row - (self._ends[at - 1] if at else 0)) * self._characters(line)
        part = line[first : first + self._characters(line)]
        return strip([Segment(f" {part}", self.palette.text)], self.palette.base, self.columns)


class PageScreen(ModalScreen[None]):
    """Lines on the whole screen, under a title."""

    KEYS: ClassVar[list[tuple[str, str]]] = [
        ("j k", "line"), ("PgDn PgUp", "page"), ("g G", "ends"), ("Esc", "back"),
    ]  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,left", "leave", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space,ctrl+d", "page(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("g,home", "end(0)", show=False),
        Binding("G,end", "end(1)", show=False),
    ]

    def __init__(self, page: Lines, title: str) -> None:
        super().__init__()
        self.page = page
        self._title = title

    def compose(self) -> ComposeResult:
        """Yield the title, the lines and the keys."""
        yield Static(self._title, classes="title", markup=False)
        yield self.page
        yield Static("", classes="foot", markup=False)

    def on_resize(self) -> None:
        """Show the keys that fit."""
        pairs = fitting(self.KEYS, self.app.size.width - 2)
        self.query_one(".foot", Static).update("   ".join(f"{key} {word}" for key, word in pairs))

    def action_scroll(self, count: int) -> None:
        """Scroll by lines."""
        self.page.scroll_lines(count)

    def action_page(self, direction: int) -> None:
        """Scroll by pages."""
        self.page.scroll_lines(direction * max(1, self.page.size.height - 2))

    def action_end(self, fraction: int) -> None:
        """Scroll to the beginning or the end."""
        self.page.jump(float(fraction))

    def action_leave(self) -> None:
        """Close the screen."""
        self.dismiss(None)
