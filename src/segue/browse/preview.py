"""The preview beside the list: the session or the message of the row on which the cursor rests."""

from typing import TYPE_CHECKING

from segue.browse.views.row_drawing import HitRow, Row, SessionRow

if TYPE_CHECKING:
    from textual.timer import Timer

    from segue.browse.app import Browse

REST_SECONDS = 0.06
"""Seconds: a session is shown when the cursor has rested on its row this long."""

LEAST_COLUMNS = 80
"""Columns of the terminal from which on there is room beside the list."""


class Preview:
    """The conversation that follows the cursor of the list."""

    def __init__(self, app: "Browse") -> None:
        self._app = app
        self._resting: Timer | None = None

    def show_soon(self) -> None:
        """Show the row under the cursor in a moment, where there is room."""
        if self._resting is not None:
            self._resting.stop()
        if self._app.size.width >= LEAST_COLUMNS:
            self._resting = self._app.set_timer(REST_SECONDS, self._show)

    def _show(self) -> None:
        self._resting = None
        self._app.spawn(self.open(self._app.rows_pane.current))

    async def open(self, row: Row | None) -> None:
        """Show the session or the message of a row."""
        app = self._app
        if isinstance(row, SessionRow):
            app.conversation.query_pattern = app.lister.search.pattern()
            await app.reader.open(row.entry.id)
        elif isinstance(row, HitRow):
            app.conversation.query_pattern = app.lister.search.pattern(row.hit)
            app.matched = row.hit.message_id
            await app.reader.open(row.hit.session_id, row.hit.message_id)
