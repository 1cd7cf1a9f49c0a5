"""Two small questions: a line of text, and yes or no."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from segue.browse.views import text as texts

SHOWN_LINES = 12
"""Lines of what a question is about."""


class PromptScreen(ModalScreen[str | None]):
    """A line of text. The result is what was typed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, title: str, value: str = "") -> None:
        super().__init__()
        self._title = title
        self.input = Input(value)

    def compose(self) -> ComposeResult:
        """Yield the title and the input."""
        with Vertical(classes="box small"):
            yield Static(self._title, classes="title", markup=False)
            yield self.input

    def on_mount(self) -> None:
        """Type into the input."""
        self.input.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return the text."""
        event.stop()
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Return nothing."""
        self.dismiss(None)


class ConfirmScreen(ModalScreen[bool]):
    """A question. The result is True for y; every other answer is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y", "answer(True)", show=False),
        Binding("n,N,escape,enter,q", "answer(False)", show=False),
    ]

    def __init__(self, question: str, about: Sequence[str]) -> None:
        super().__init__()
        self._question, self._about = question, about

    def compose(self) -> ComposeResult:
        """Yield what the question is about, and the question."""
        lines = [texts.line(one) for one in self._about[:SHOWN_LINES]]
        if len(self._about) > SHOWN_LINES:
            lines.append(f"and {len(self._about) - SHOWN_LINES} more lines")
        with Vertical(classes="box small"):
            yield Static(f"{self._question} [y/N]", classes="title", markup=False)
            yield Static("\n".join(lines), markup=False)

    def action_answer(self, answer: bool) -> None:
        """Return the answer."""
        self.dismiss(answer)
