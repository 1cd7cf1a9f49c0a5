"""A list of choices that typing filters: all keys, the values of a filter, the tools to hand off to."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from segue.browse.views import text as texts
from segue.browse.views.lines import Lines, strip
from segue.browse.views.theme import Palette

LEAST_NOTES = 60
"""Cells: a narrower list of keys leaves out the command lines. That of the chosen key is below the list."""


class Choice(NamedTuple):
    """One line of the list."""

    value: str
    key: str
    label: str
    note: str = ""

    def has(self, words: Sequence[str]) -> bool:
        """Return True if the line holds all words."""
        whole = f"{self.key} {self.label} {self.note} {self.value}".lower()
        return all(word in whole for word in words)


class ChoiceList(Lines):
    """The lines that pass the filter."""

    def __init__(self, palette: Palette, choices: Sequence[Choice]) -> None:
        super().__init__(palette)
        self.can_focus = False
        self.choices = self.shown = [*choices]
        self.cursor, self.total = 0, len(choices)

    def filter(self, text: str) -> None:
        """Show the choices with all words of a text."""
        self.shown = [choice for choice in self.choices if choice.has(text.lower().split())]
        self.cursor, self.first_line, self.total = 0, 0, len(self.shown)
        self.settle()

    def move(self, count: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(self.cursor + count, len(self.shown) - 1))
        self.first_line = max(min(self.first_line, self.cursor), self.cursor - self.size.height + 1)
        self.settle()

    def settle(self) -> None:
        """Draw the visible lines."""
        last = self.first_line + self.size.height
        self.view = [self._draw(at) for at in range(self.first_line, min(last, len(self.shown)))]
        self.refresh()
        if isinstance(self.screen, ChoiceScreen):
            self.screen.show_chosen(self.shown[self.cursor] if self.shown else None)

    def scroll_lines(self, count: int) -> None:
        """Move the cursor, which the view follows."""
        self.move(count)

    def jump(self, fraction: float) -> None:
        """Move to a part of the whole."""
        self.move(round(fraction * self.total) - self.cursor)

    def press(self, y: int, *, dragged: bool) -> None:
        """Choose the clicked line."""
        if not dragged and self.first_line + y < len(self.shown):
            self.cursor = self.first_line + y
            screen = self.screen
            if isinstance(screen, ChoiceScreen):
                screen.action_choose()

    def _draw(self, at: int) -> Strip:
        choice, palette, cells = self.shown[at], self.palette, self.columns
        keys = max((texts.width(one.key) for one in self.choices), default=0)
        if keys and cells < LEAST_NOTES:
            choice = choice._replace(note="")  # It is below the list
        reserved = min(texts.width(choice.note), (cells - keys) // 2)  # The command line of a key is shown whole
        label = texts.cut(texts.line(choice.label), cells - keys - 7 - reserved, palette.signs.ellipsis)
        room = cells - keys - texts.width(label) - 7
        is_shown = room > 6 or texts.width(choice.note) <= room
        note = texts.cut(texts.line(choice.note), room, palette.signs.ellipsis) if is_shown else ""
        line = [
            Segment(f" {texts.fill(choice.key, keys)}  " if keys else " ", palette.bright),
            Segment(texts.fill(label, max(texts.width(label), cells - keys - texts.width(note) - 5)), palette.text),
            Segment(note, palette.dim),
        ]
        base = palette.base + palette.bar + (palette.selected if at == self.cursor else palette.text)
        if palette.is_ansi and at == self.cursor:
            line = [Segment(segment.text) for segment in line]
        return strip(line, base, cells)


AROUND = 8
"""Lines of the terminal that the list leaves to its box and to what is around it."""


class ChoiceScreen(ModalScreen[str | None]):
    """A list of choices. The result is the chosen value, or None; with `free` also a text that no line has."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_it", show=False),
        Binding("down,ctrl+n", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
    ]

    def __init__(self, palette: Palette, title: str, choices: Sequence[Choice], *, free: bool = False) -> None:
        super().__init__()
        self._title, self._free = title, free
        self.choices = ChoiceList(palette, choices)
        self.input = Input(placeholder="type to filter")
        self.chosen = Static("", classes="chosen", markup=False)

    def compose(self) -> ComposeResult:
        """Yield the title, the input and the list."""
        with Vertical(classes="box"):
            yield Static(self._title, classes="title")
            yield self.input
            yield self.choices
            if self.has_keys:
                yield self.chosen

    def on_mount(self) -> None:
        """Size the box by its lines, and type into the input."""
        self.on_resize()
        self.input.focus()

    def on_resize(self) -> None:
        """Leave room around the list."""
        around = AROUND + (self.chosen_lines + 1 if self.has_keys else 0)
        self.chosen.styles.height = self.chosen_lines
        self.choices.styles.height = min(len(self.choices.choices), max(3, self.app.size.height - around))

    @property
    def chosen_lines(self) -> int:
        """Return the lines below the list, where a narrow screen wraps what the chosen key does."""
        return 2 if self.app.size.width >= LEAST_NOTES else 3

    @property
    def has_keys(self) -> bool:
        """Return True if the choices are keys with their command lines."""
        return any(choice.key for choice in self.choices.choices)

    def show_chosen(self, choice: Choice | None) -> None:
        """Show the whole of the line under the cursor, because it may be cut in the list."""
        self.chosen.update("" if choice is None else f"{choice.label}\n{choice.note}")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter the lines."""
        event.stop()
        self.choices.filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Choose the line under the cursor."""
        event.stop()
        self.action_choose()

    def action_choose(self) -> None:
        """Return the line under the cursor."""
        typed = self.input.value.strip()
        if self.choices.shown:
            self.dismiss(self.choices.shown[self.choices.cursor].value)
        elif self._free and typed:
            self.dismiss(typed)

    def action_move(self, count: int) -> None:
        """Move the cursor."""
        self.choices.move(count)

    def action_dismiss_it(self) -> None:
        """Return nothing."""
        self.dismiss(None)
