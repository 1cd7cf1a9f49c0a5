"""The actions of keys that move, fold or change the appearance. They never change a session."""

from typing import TYPE_CHECKING, Any

from segue.browse.appearance import save
from segue.browse.keys import LIST, READ
from segue.browse.state import COLUMNS_OF_THREE, shows_details_over
from segue.browse.views.theme import NAMES, palette

if TYPE_CHECKING:
    from segue.browse.app import Browse
    from segue.browse.views.conversation import Conversation
    from segue.browse.views.rows import Rows

LEAST_COLUMNS_OF_TWO, LEAST_CONVERSATION = 80, 30
"""Columns: from which on there are two panes, and how many the list leaves to the conversation."""

LEAST_LIST, WIDEST_LIST = 20, 90
"""Cells: the bounds of the list's width."""


class Moves:
    """The actions of this kind, by the names of the table of keys."""

    def __init__(self, app: "Browse") -> None:
        self._app = app

    @property
    def _reads(self) -> bool:
        return self._app.pane == READ

    def down(self) -> None:
        """Go to the next row or message."""
        self._step(1)

    def up(self) -> None:
        """Go to the previous row or message."""
        self._step(-1)

    def _step(self, direction: int) -> None:
        if not self._reads:
            self._app.rows_pane.move(direction)
        elif self._app.conversation.mark is not None:
            self._app.conversation.extend_mark(direction)
        else:
            self._app.conversation.step(direction)

    def line_down(self) -> None:
        """Go to the next row, or scroll by a line."""
        self._line(1)

    def line_up(self) -> None:
        """Go to the previous row, or scroll by a line."""
        self._line(-1)

    def _line(self, direction: int) -> None:
        if self._reads and self._app.conversation.mark is None:
            self._app.conversation.scroll_lines(direction)
        else:
            self._step(direction)

    def top(self) -> None:
        """Go to the first row or message."""
        self._app.conversation.top() if self._reads else self._app.rows_pane.end(-1)

    def bottom(self) -> None:
        """Go to the last row or message."""
        self._app.conversation.bottom() if self._reads else self._app.rows_pane.end(1)

    def page_down(self) -> None:
        """Go a page down."""
        self._pane.page(1)

    def page_up(self) -> None:
        """Go a page up."""
        self._pane.page(-1)

    def half_down(self) -> None:
        """Go half a page down."""
        self._pane.page(0.5)

    def half_up(self) -> None:
        """Go half a page up."""
        self._pane.page(-0.5)

    def escape(self) -> None:
        """Leave the mark, then the conversation, then the search."""
        app = self._app
        if app.conversation.mark is not None:
            self.end_mark()
        elif shows_details_over(app):
            self.details()
        elif self._reads:
            app.go(LIST)
        elif app.query_input.value:
            app.query_input.value = ""

    def end_mark(self) -> None:
        """Unmark the lines."""
        self._app.conversation.mark = None
        self._app.conversation.settle()
        self._app.show_state()

    def next_pane(self) -> None:
        """Go to the other pane."""
        self._app.go(LIST if self._reads else READ)

    def previous_pane(self) -> None:
        """Go to the other pane."""
        self.next_pane()

    def search(self) -> None:
        """Type into the search."""
        self._app.screen.set_focus(self._app.query_input)  # Immediately, because the next key is a letter of the query

    def next_match(self) -> None:
        """Go to the next match."""
        self._app.spawn(self._match(1))

    def previous_match(self) -> None:
        """Go to the previous match."""
        self._app.spawn(self._match(-1))

    async def _match(self, direction: int) -> None:
        """Open the next hit; load more hits at the end."""
        app, lister = self._app, self._app.lister
        current = app.matched
        hit = lister.hit_beside(current, direction)
        if hit is None and direction > 0 and await lister.more_hits():
            hit = lister.hit_beside(current, direction)
        if hit is None and lister.search.next_cursor is not None and direction > 0:
            return app.say("no match there; n continues")  # A search that reads messages stops after a second
        if hit is None:
            return app.say("no more matches" if lister.search.hits else "no search: / starts one")
        app.matched = hit.message_id
        app.conversation.query_pattern = lister.search.pattern(hit)
        lister.refresh(select=("hit", hit.message_id))
        await app.reader.open(hit.session_id, hit.message_id)
        return None

    def mode(self) -> None:
        """Search for words, a substring or a regular expression."""
        self._app.spawn(self._app.lister.next_mode())

    def previous_question(self) -> None:
        """Go to the previous question."""
        self._app.spawn(self._app.reader.question_beside(-1))

    def next_question(self) -> None:
        """Go to the next question."""
        self._app.spawn(self._app.reader.question_beside(1))

    def previous_block(self) -> None:
        """Go to the previous code block."""
        self._block(-1)

    def next_block(self) -> None:
        """Go to the next code block."""
        self._block(1)

    def _block(self, direction: int) -> None:
        if not self._app.conversation.next_block(direction):
            self._app.say("no more code blocks")

    def fold(self) -> None:
        """Fold or unfold the group, or the calls of the message."""
        if self._reads:
            self._app.conversation.toggle_fold()
        else:
            self._app.lister.toggle_group(self._app.rows_pane.current)

    def fold_all(self) -> None:
        """Unfold or fold all calls."""
        conversation = self._app.conversation
        conversation.all_unfolded = not conversation.all_unfolded
        conversation.unfolded.clear()
        conversation.follow = False
        conversation.scroll_lines(0)

    def dense(self) -> None:
        """Show one or two lines for each session."""
        self._app.rows_pane.set_dense(dense=not self._app.rows_pane.dense)
        self._keep(dense=self._app.rows_pane.dense)

    def wrap(self) -> None:
        """Wrap or cut long lines of code."""
        conversation = self._app.conversation
        conversation.wrap_code = not conversation.wrap_code
        self._keep(wrap=conversation.wrap_code)
        conversation.settle()

    def mark(self) -> None:
        """Begin to mark lines, or end it."""
        if self._app.conversation.mark is None:
            self._app.conversation.start_mark()
        else:
            self._app.conversation.mark = None
            self._app.conversation.settle()
        self._app.show_state()

    def ask(self) -> None:
        """Type a question."""
        app = self._app
        if app.actions.session_id is not None:
            app.spawn(self._ask())
            app.screen.set_focus(app.ask_input)

    async def _ask(self) -> None:
        session_id = self._app.actions.session_id
        if session_id is not None and session_id != self._app.reader.session_id:
            await self._app.reader.open(session_id)
        self._app.go(READ, self._app.ask_input)
        self._app.call_after_refresh(self._app.ask_input.focus)

    def retry(self) -> None:
        """Repeat the last question."""
        if (session_id := self._app.actions.session_id) is not None:
            self._app.spawn(self._app.asking.ask(session_id, None))

    def stop(self) -> None:
        """Stop the reply, or quit if none runs."""
        if not self._app.asking.stop():
            self._app.exit()

    def details(self) -> None:
        """Show or hide the details."""
        wide = self._app.size.width >= COLUMNS_OF_THREE and not self._app.lister.is_searching
        self._app.screen.toggle_class("-no-details" if wide else "-details")
        self._app.show_state()

    def theme(self) -> None:
        """Change to the next theme."""
        names = ["ansi"] if self._app.options.no_color else [*NAMES]
        now = self._app.palette.name
        name = names[(names.index(now) + 1) % len(names)]
        self._set_theme(name)
        if not self._app.options.no_color:
            self._keep(theme=name)

    def order(self) -> None:
        """Order the list in the next way."""
        sessions = self._app.lister.sessions
        sessions.next_order()
        self._app.lister.refresh()
        self._keep(order=sessions.order)
        self._app.say(f"ordered by {sessions.order}")

    def wider(self) -> None:
        """Make the list wider."""
        self._widen(4)

    def narrower(self) -> None:
        """Make the list narrower."""
        self._widen(-4)

    def _widen(self, cells: int) -> None:
        app = self._app
        now = app.looks.list_cells or app.rows_pane.outer_size.width
        self._keep(list_cells=max(LEAST_LIST, min(now + cells, WIDEST_LIST)))
        self.fit_list(app.size.width)

    def fit_list(self, columns: int) -> None:
        """Give the list its chosen width, unless it is the only pane or shows hits, which need more."""
        is_fixed = columns >= LEAST_COLUMNS_OF_TWO and not self._app.lister.is_searching
        chosen = self._app.looks.list_cells if is_fixed else None
        self._app.rows_pane.styles.width = chosen and min(chosen, columns - LEAST_CONVERSATION)

    def suspend(self) -> None:
        """Suspend the program; the shell's `fg` continues it."""
        self._app.action_suspend_process()

    def redraw(self) -> None:
        """Draw the whole screen again."""
        self._app.screen.refresh(layout=True)

    def quit(self) -> None:
        """End the browser."""
        self._app.exit()

    @property
    def _pane(self) -> "Conversation | Rows":
        return self._app.conversation if self._reads else self._app.rows_pane

    def _keep(self, **chosen: Any) -> None:
        """Keep how the user wants the browser to look."""
        for name, value in chosen.items():
            setattr(self._app.looks, name, value)
        if self._app.options.keeps_looks:
            save(self._app.looks)

    def _set_theme(self, name: str) -> None:
        """Draw everything in another theme."""
        app = self._app
        app.palette = palette(name, app.options.signs)
        app.ansi_color = name == "ansi"
        app.theme = f"segue-{name}"
        for pane in (app.rows_pane, app.conversation, app.details):
            pane.set_palette(app.palette)
        app.show_state()
