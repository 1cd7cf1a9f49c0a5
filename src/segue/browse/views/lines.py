"""A widget that draws only its visible lines, with a scroll bar in its last column.

Textual's ScrollView paints twice when it scrolls, first the lines and then the bar. This one paints once.
"""

from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from segue.browse.views.theme import Palette

WHEEL_LINES = 3


class Lines(Widget, can_focus=True):
    """A pane of lines. A subclass fills `view` in `settle`, from `first_line` on, and sets `total`."""

    def __init__(self, palette: Palette, **options: Any) -> None:
        super().__init__(**options)
        self.palette = palette
        self.view: list[Strip] = []
        self.first_line = self.total = 0

    @property
    def columns(self) -> int:
        """Return the cells of a line, without the scroll bar."""
        return max(1, self.size.width - 1)

    def settle(self) -> None:
        """Fill `view` and repaint."""
        raise NotImplementedError

    def extent(self) -> tuple[int, int, int]:
        """Return the first visible line, and the numbers of visible and of all lines."""
        return self.first_line, self.size.height, self.total

    def scroll_lines(self, count: int) -> None:
        """Move the view by lines."""
        self.first_line += count
        self.settle()

    def jump(self, fraction: float) -> None:
        """Move the view to a part of the whole, from 0 to 1."""
        self.first_line = round(fraction * max(0, self.total - self.size.height))
        self.settle()

    def press(self, y: int, *, dragged: bool) -> None:
        """Handle a click on a line of the view, or the pointer moving over it with the button pressed."""

    def set_palette(self, palette: Palette) -> None:
        """Draw everything in other colors."""
        self.palette = palette
        self.settle()

    def render_line(self, y: int) -> Strip:
        """Return a visible line with its part of the scroll bar."""
        base = self.palette.base
        strip = self.view[y] if y < len(self.view) else Strip.blank(self.columns, base)
        strip = strip.adjust_cell_length(self.columns, base)
        return Strip([*strip, self._bar(y)], self.columns + 1)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw the cursor as that of the focused pane, or of another one."""
        super().watch_has_focus(has_focus)
        self.settle()

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the lines to the new size."""
        self.settle()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.scroll_lines(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.scroll_lines(-WHEEL_LINES)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Jump by the scroll bar, or press on a line."""
        if event.x >= self.columns:
            self.capture_mouse()
            self.jump(event.y / max(1, self.size.height - 1))
        else:
            self.press(event.y, dragged=False)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the scroll bar, or extend the marked lines."""
        if self.app.mouse_captured is self:
            self.jump(min(1.0, max(0.0, event.y / max(1, self.size.height - 1))))
        elif event.button == 1 and event.x < self.columns:
            self.press(event.y, dragged=True)

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        """End dragging."""
        self.release_mouse()

    def _bar(self, y: int) -> Segment:
        first, visible, total = self.extent()
        base, height = self.palette.base, self.size.height
        if total <= visible or not height:
            return Segment(" ", base)
        long = max(1, height * visible // total)
        start = (height - long) * first // max(1, total - visible)
        is_thumb = start <= y < start + long
        return Segment(self.palette.signs.thumb if is_thumb else " ", base + self.palette.line)


def strip(segments: list[Segment], base: Style, cells: int) -> Strip:
    """Return a line of exactly `cells` cells, with the background under every segment."""
    return Strip([Segment(text, base + style if style else base) for text, style, _ in segments]).adjust_cell_length(
        cells, base
    )
