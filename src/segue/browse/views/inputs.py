"""The two lines that are typed into: the search at the top, and the question at the bottom."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widgets import Input

from segue.cli.editor import edit_text

if TYPE_CHECKING:
    from segue.browse.app import Browse


class SearchInput(Input):
    """The search. Arrows move in the list below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "row(1)", show=False),
        Binding("up", "row(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("ctrl+t", "press('ctrl+t')", show=False),
        Binding("ctrl+f", "press('ctrl+f')", show=False),
        Binding("ctrl+p", "press('ctrl+p')", show=False),
        Binding("escape", "clear", show=False),
    ]

    @property
    def _browse(self) -> "Browse":
        return cast("Browse", self.app)

    def action_row(self, count: int) -> None:
        """Move the cursor of the list."""
        self._browse.rows_pane.move(count)

    def action_page(self, direction: int) -> None:
        """Move the cursor of the list by a page."""
        self._browse.rows_pane.page(direction)

    async def action_press(self, name: str) -> None:
        """Run what the key does in the list."""
        await self._browse.action_press(name)

    def action_clear(self) -> None:
        """Clear the search, and go back to the list."""
        self.value = ""
        self._browse.go("list")


class AskInput(Input):
    """The question. Esc leaves it, and keeps what was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("ctrl+e", "editor", show=False),
        Binding("ctrl+r", "retry", show=False),
    ]

    @property
    def _browse(self) -> "Browse":
        return cast("Browse", self.app)

    def action_leave(self) -> None:
        """Go back to the conversation."""
        self._browse.conversation.focus()
        self._browse.show_state()

    def action_editor(self) -> None:
        """Write the question in the user's editor, and ask it."""
        app = self._browse
        text = app.outside(lambda: edit_text(self.value))
        if text and text.strip() and app.reader.session_id is not None:
            self.value = ""
            app.spawn(app.asking.ask(app.reader.session_id, text))

    def action_retry(self) -> None:
        """Repeat the last question."""
        self._browse.moves.retry()
