"""The application: its widgets, its keys, and what events change."""

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import App, ComposeResult, ScreenStackError
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from segue.browse.actions import Actions
from segue.browse.appearance import Looks
from segue.browse.asking import Asking
from segue.browse.data.sessions import EntryPage
from segue.browse.keys import KEYS, LIST, READ, for_key
from segue.browse.link import Link
from segue.browse.lister import Lister
from segue.browse.live import Live
from segue.browse.moves import Moves
from segue.browse.options import Options
from segue.browse.preview import Preview
from segue.browse.reader import Reader
from segue.browse.state import PANES, set_panes, show, starting
from segue.browse.style import CSS
from segue.browse.views.conversation import Conversation
from segue.browse.views.details import Details
from segue.browse.views.inputs import AskInput, SearchInput
from segue.browse.views.rows import Rows
from segue.browse.views.text import placing
from segue.browse.views.theme import ASCII, palette, textual_themes
from segue.cli.output.terminal import Failure
from segue.client import ClientError
from segue.errors import SegueError

R = TypeVar("R")

LEAST_COLUMNS, LEAST_LINES = 40, 10

AGE_SECONDS = 60
"""Seconds: so often the ages in the list are drawn again."""


class Browse(App[int]):
    """The browser. Its return value is an error, or None."""

    CSS = CSS
    TITLE = "segue browse"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = PANES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(name, f"press('{name}')", show=False, priority=name in ("tab", "shift+tab", "ctrl+c"))
        for name in dict.fromkeys(name for key in KEYS for name in key.keys.split(","))
    ]

    def __init__(self, options: Options, first: "Future[EntryPage]") -> None:
        self.options = options
        self.palette = palette(options.theme, options.signs)
        super().__init__(ansi_color=options.theme == "ansi")
        self.animation_level = "none"
        for theme in textual_themes():
            self.register_theme(theme)
        self.theme = f"segue-{options.theme}"
        self.set_class(options.signs == ASCII, "-ascii")
        self.pane = LIST
        self.failure: Exception | None = None
        self.link = Link(options.target, lambda _: self.show_state())
        self.lister = Lister(self, options.place)
        self.reader = Reader(self)
        self.actions = Actions(self)
        self.asking = Asking(self)
        self.moves = Moves(self)
        self.preview = Preview(self)
        self.looks = options.looks or Looks()
        self.matched: int | None = None
        """The message that n and N continue from."""
        self._first = first
        self._acting = asyncio.Lock()
        self._screens_shown = 0

    def get_driver_class(self) -> type[Driver]:
        """Return Textual's driver of the terminal, which puts signs of doubtful width in their places."""
        return placing(super().get_driver_class())

    def compose(self) -> ComposeResult:
        """Yield the widgets."""
        set_panes(self.screen, self.size.width)
        self.query_input = SearchInput(id="query", select_on_focus=False)
        self.rows_pane = Rows(self.palette, id="list")
        self.conversation = Conversation(self.palette, self.reader.fetch, id="conversation")
        self.ask_input = AskInput(placeholder="i ask in this session", id="ask", select_on_focus=False)
        self.details = Details(self.palette, id="details")
        with Horizontal(id="head"):
            yield Static("segue", id="brand")
            yield self.query_input
            yield Static("", id="count", markup=False)
        yield Static("", id="chips", markup=False)
        with Horizontal(id="body"):
            yield self.rows_pane
            with Vertical(id="middle"):
                yield Static("", id="title", markup=False)
                yield self.conversation
                yield self.ask_input
            yield self.details
        yield Static("make the window larger", id="small")
        yield Static("", id="foot", markup=False)

    def on_mount(self) -> None:
        """Show the first sessions as the user likes them, and connect."""
        self.rows_pane.dense = self.looks.dense
        self.conversation.wrap_code = self.looks.wrap
        self.lister.sessions.order = self.looks.order
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))  # It draws nothing after ^Z
        self.screen.set_focus(self.rows_pane)  # Immediately: the first key may be the / of a search
        self.set_interval(AGE_SECONDS, self.rows_pane.settle)
        self.run_worker(self._begin(), exit_on_error=True)
        # SIGTERM would leave the terminal without cursor and echo. This also lets a signal that another thread takes,
        # such as SIGCONT, wake the loop. SIGHUP keeps its default action, which ends the process: the terminal is gone,
        # and Textual may wait for it without end.
        ended = partial(self.exit, return_code=128 + signal.SIGTERM)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended)

    async def _begin(self) -> None:
        try:
            first = asyncio.wrap_future(self._first)
            while not first.done():
                self.lister.show_starting(starting())
                await asyncio.wait([first], timeout=0.5)
            page = await first
            self.lister.begin(page)
            await self.link.open()
        except (ClientError, SegueError) as error:
            self.failure = error
            return self.exit(1)
        self.run_worker(Live(self).follow(), exit_on_error=True)
        self.spawn(self._load())
        return None

    async def _load(self) -> None:
        self.preview.show_soon()
        await self.lister.load_rest()
        gc.collect()
        gc.freeze()  # Searching the sessions for garbage would delay keys by 30 ms

    def on_key(self, event: events.Key) -> None:
        """Give a character to the line that got the focus while the key was on its way."""
        if isinstance(self.focused, Input) and event.is_printable and event.character:
            self.focused.insert_text_at_cursor(event.character)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to a screen that lies over the browser, Tab included, but not ^C."""
        return action != "press" or len(self.screen_stack) == 1 or parameters == ("ctrl+c",)

    async def action_press(self, name: str) -> None:
        """Run what a key does in the current pane."""
        if name == "tab" and self.focused in (self.query_input, self.ask_input):
            return self.go(LIST if self.focused is self.query_input else READ)
        key = for_key(name, self.pane)
        if key is not None:
            await self.run_key(key.action)
        return None

    async def run_key(self, action: str) -> None:
        """Run an action: of the panes here, else of the session or the message."""
        if (move := getattr(self.moves, action, None)) is not None:
            move()
        else:
            self.spawn(self._act(action, self._screens_shown))

    async def _act(self, action: str, shown: int) -> None:
        """Run one action after the other. One that was typed before a screen opened is not run after it."""
        async with self._acting:
            if self._screens_shown == shown and len(self.screen_stack) == 1:
                await getattr(self.actions, action)()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work besides; an error of it is shown and ends nothing."""
        self.run_worker(self.guarded(work), exit_on_error=True)

    async def guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work; an error of the daemon or the system is shown."""
        try:
            await work
        except SegueError as error:
            self.say(error.message.removeprefix("$."), error=True)
        except (ClientError, Failure, OSError) as error:
            self.say(str(error), error=True)

    async def ask_screen(self, screen: Screen[R]) -> R | None:
        """Show a screen over the browser and return its answer."""
        self._screens_shown += 1
        self.call_after_refresh(self.show_state)
        try:
            return await self.push_screen_wait(screen)
        finally:
            self.show_state()

    def say(self, text: str, *, error: bool = False) -> None:
        """Show a sentence for some seconds."""
        self.notify(text, severity="error" if error else "information", timeout=6 if error else 3, markup=False)

    def outside(self, work: Callable[[], R]) -> R | None:
        """Run work that needs the terminal while the browser is away from it."""
        with self.suspend():
            found = work()
        self.refresh()
        return found

    def go(self, pane: str, focus: Widget | None = None) -> None:
        """Make a pane the current one. Footer and focus follow it."""
        self.pane = pane
        self.show_state()
        self.call_after_refresh(self._focus_pane)
        self.screen.set_focus(focus or (self.conversation if pane == READ else self.rows_pane))
        self.show_state()

    def _focus_pane(self) -> None:
        """Focus the pane again, because a hidden one cannot take the focus before it is laid out."""
        if self.focused not in (self.query_input, self.ask_input) and len(self.screen_stack) == 1:
            (self.conversation if self.pane == READ else self.rows_pane).focus()

    async def _open_found(self, query: str) -> None:
        await self.lister.find(query)
        await self.actions.enter()

    def on_rows_moved(self, _event: Rows.Moved) -> None:
        """Show the session of the row when the cursor rests."""
        self.preview.show_soon()
        if self.rows_pane.cursor >= len(self.rows_pane.rows) - 1:
            self.spawn(self.lister.load_more())

    def on_rows_chosen(self, _event: Rows.Chosen) -> None:
        """Open the row that was clicked."""
        self.go(LIST)
        self.spawn(self.actions.enter())

    def on_click(self, event: events.Click) -> None:
        """Choose a filter by a click on the chips."""
        if event.widget is not None and event.widget.id == "chips":
            self.spawn(self.actions.filter())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Take the pane that was clicked as the current one. The search belongs to the list, which shows its hits."""
        if event.widget in (self.rows_pane, self.conversation, self.query_input):
            self.pane = READ if event.widget is self.conversation else LIST
        self.show_state()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as the user types."""
        if event.input is self.query_input:
            if not event.value.strip():
                self.conversation.query_pattern = None
                self.conversation.settle()
            self.spawn(self.lister.find(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the first hit, or ask."""
        if event.input is self.query_input:
            self.go(LIST)
            self.spawn(self._open_found(event.value))
        elif event.input is self.ask_input and event.value.strip() and self.reader.session_id is not None:
            self.spawn(self.asking.ask(self.reader.session_id, event.value))
            event.input.value = ""
            self.conversation.bottom()

    def on_resize(self, event: events.Resize) -> None:
        """Say so where nothing fits."""
        is_small = event.size.width < LEAST_COLUMNS or event.size.height < LEAST_LINES
        self.screen.set_class(is_small, "-small")
        set_panes(self.screen_stack[0], event.size.width)
        self.moves.fit_list(event.size.width)
        self.show_state()

    def show_state(self) -> None:
        """Show the number of sessions, the chips, the title and the footer."""
        with suppress(NoMatches, ScreenStackError, IndexError):  # While the screen is built or removed
            show(self, self.screen_stack[0])

    def on_conversation_marked(self, _event: Conversation.Marked) -> None:
        """Show the keys for marked lines."""
        self.show_state()

    async def on_unmount(self) -> None:
        """Close the connections, and do not leave a model's command behind."""
        self.asking.stop()
        await self.link.close()
