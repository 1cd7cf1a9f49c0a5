"""The controller of the list, which shows the sessions in groups, or the hits of a search."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from segue.browse.data.search import MODES, Search
from segue.browse.data.sessions import Entry, EntryPage, Sessions, entry_of
from segue.browse.views.list_rows import FIRST_NAMES, found_rows, group_rows, starting_rows
from segue.browse.views.row_drawing import Heading, Row, SessionRow
from segue.errors import SegueError
from segue.models import Message, Session
from segue.results import Resolution, SearchHit, SearchPage

if TYPE_CHECKING:
    from segue.browse.app import Browse

PAGE_ROWS = 1000
"""Sessions of each page that is loaded behind the first one."""

MOST_SESSIONS = 20_000
"""Sessions that are loaded without being asked for. The end of the list loads more."""

NAMES_SECONDS = 0.025
"""Seconds: names are shown with the messages if the daemon finds these in less, because drawing twice takes longer."""

REFRESH_SECONDS = 1.0
"""Seconds: the shortest interval between two orderings of the list."""


class Lister:
    """The controller of the list."""

    def __init__(self, app: "Browse", place: dict[str, str]) -> None:
        self._app = app
        self._place = place
        self.sessions = Sessions(place.get("project") or place["working_dir"])
        self.search = Search()
        self.folded: set[str] = set()
        self.current_id: str | None = None
        self._cursor: str | None = None
        self._answered = asyncio.Event()
        self._searching = asyncio.Lock()
        self._drawn = 0
        """The last search of which something was drawn."""
        self._is_pending = False
        self.is_begun = self.is_loaded = False

    @property
    def is_searching(self) -> bool:
        """Return True while the list shows what was found."""
        return bool(self.search.query.strip())

    def begin(self, page: EntryPage) -> None:
        """Show the first page."""
        self.is_begun = True
        self._take(page)
        self.refresh()

    async def load_rest(self) -> None:
        """Load the other pages between frames, and put the cursor on what the directory continues."""
        link = self._app.link
        try:
            found = await link.call("session.resolve", Resolution, create=False, **self._place)
            self.current_id = found.session.id if found.session is not None else None
        except SegueError:
            self.current_id = None  # It only places the cursor
        if self.current_id is not None and self._app.rows_pane.cursor <= 1 and not self.is_searching:
            self.refresh(select=("session", self.current_id))
            self._app.preview.show_soon()
        while self._cursor is not None and len(self.sessions.entries) < MOST_SESSIONS:
            await self._load_page()
        self.is_loaded = True
        self.refresh()

    async def load_more(self) -> None:
        """Load another page when the user reaches the end."""
        if self.is_loaded and self._cursor is not None:
            await self._load_page()
            self.refresh()

    async def reload(self) -> None:
        """Load everything again, after events are missing."""
        known = {*self.sessions.entries}
        self._cursor, seen = None, set()
        while True:
            page = await self._page()
            seen |= {entry.id for entry in page.sessions}
            self._take(page)
            if self._cursor is None or len(seen) >= max(MOST_SESSIONS, len(known)):
                break
        if self._cursor is None:
            for session_id in known - seen:
                del self.sessions.entries[session_id]
        self.refresh()

    async def _load_page(self) -> None:
        self._take(await self._page())
        await asyncio.sleep(0)

    async def _page(self) -> EntryPage:
        params = {"limit": PAGE_ROWS, "cursor": self._cursor}
        return await self._app.link.call_raw("session.list", EntryPage, {**params, "archived": None})

    def _take(self, page: EntryPage) -> None:
        for entry in page.sessions:
            self.sessions.put(entry)
        self.sessions.total = page.total
        self._cursor = page.next_cursor

    def show_starting(self, step: str) -> None:
        """Show that the daemon starts, and how far it is."""
        self._app.rows_pane.fill(starting_rows(step, self._app.rows_pane.columns))

    def refresh(self, *, select: tuple[str, object] | None = None) -> None:
        """Fill the list."""
        columns = self._app.rows_pane.columns
        rows = found_rows(self.search, self.sessions, columns) if self.is_searching else self._groups()
        self._app.rows_pane.fill(rows, select=select)
        self._app.show_state()

    def _show_found(self) -> None:
        """Show what the search found, at first with the cursor on the first row."""
        is_first = self._drawn != self.search.generation
        self._drawn = self.search.generation
        self.refresh(select=("first", None) if is_first else None)

    def refresh_soon(self) -> None:
        """Fill the list within a second, because events may come by the hundred."""
        if not self._is_pending:
            self._is_pending = True
            self._app.set_timer(REFRESH_SECONDS, self._refresh_now)

    def _refresh_now(self) -> None:
        self._is_pending = False
        self.refresh()

    def _groups(self) -> list[Row]:
        return group_rows(self.sessions, self.folded)

    def show_all_names(self) -> None:
        """Show all sessions that were found by name."""
        found = self.sessions.named(self.search.query)
        self.search.shows_all_names = True
        self.refresh(select=("session", found[FIRST_NAMES].id) if len(found) > FIRST_NAMES else None)

    def toggle_group(self, row: Row | None) -> None:
        """Fold or unfold the group of a row."""
        if self.is_searching:
            return
        groups = self.sessions.groups()
        if isinstance(row, Heading):
            self.folded.discard(row.key)
            self.refresh()
        elif isinstance(row, SessionRow):
            group = next((one for one in groups if row.entry in one.entries), None)
            if group is not None:
                self.folded.add(group.key)
                self.refresh(select=("Heading", group.key))

    async def find(self, query: str) -> None:
        """Search for a query. Names are shown immediately, messages when the daemon answers."""
        if not query.strip():  # The cursor stays on what was found
            self.search.begin(query)
            self._answered.set()
            return self.refresh(select=("session", self._app.reader.session_id))
        if query == self.search.query:  # Enter, which waits for what is being searched for
            if self.is_searching:
                await self._answered.wait()
            return None
        self._answered.clear()
        asked = asyncio.create_task(self._ask(self.search.begin(query)))
        if not (await asyncio.wait([asked], timeout=NAMES_SECONDS))[0]:
            self._show_found()
        await asked
        return None

    async def find_again(self) -> None:
        """Search again after the mode or a filter changed."""
        self._drawn = self.search.begin(self.search.query)
        self.refresh()
        await self._ask(self._drawn)

    async def next_mode(self) -> None:
        """Search in the next mode."""
        self.search.mode = MODES[(MODES.index(self.search.mode) + 1) % len(MODES)]
        await self.find_again()

    async def more_hits(self) -> bool:
        """Load the next page of hits; False if there is none."""
        search = self.search
        if search.next_cursor is None:
            return False
        before = len(search.hits)
        params = self._params(search.next_cursor)
        page = await self._app.link.search(SearchPage, params)
        search.add(page, search.generation, more=True)
        self.refresh()
        return len(search.hits) > before

    async def _ask(self, generation: int) -> None:
        """Search for the messages after the search that runs now. Of the queries typed meanwhile the last is sent."""
        search = self.search
        if not self.is_searching or not search.is_long_enough:
            self._answered.set()
            return self._show_found()
        await asyncio.sleep(search.pause)
        async with self._searching:
            if generation == search.generation:
                await self._send(generation)
        return None

    async def _send(self, generation: int) -> None:
        search = self.search
        started = time.monotonic()
        try:
            page = await self._app.link.search(SearchPage, self._params())
        except SegueError as error:
            if generation == search.generation:
                search.error, search.hits = error.message.removeprefix("$."), []
                self._answered.set()
                self._show_found()
            return
        search.seconds = time.monotonic() - started
        if search.add(page, generation, more=False):
            self._answered.set()
            self._show_found()
            self._app.preview.show_soon()

    def _params(self, cursor: str | None = None) -> dict[str, object]:
        """Return the parameters of the search."""
        return self.search.params(cursor) | self.filter_params("role", "since", "source", "project", "tags")

    def filter_params(self, *names: str) -> dict[str, Any]:
        """Return the filters as parameters of a method. A place that is no project of a session is a directory."""
        filters = self.sessions.filters
        params = {
            "role": filters.role,
            "since": filters.since,
            "source": "" if filters.tool == "segue" else filters.tool,
            "project": filters.project,
            "tags": None if filters.tag is None else [filters.tag],
        }
        given = {name: params[name] for name in names if params[name] is not None}
        place = given.get("project")
        if place is not None and all(entry.project != place for entry in self.sessions.entries.values()):
            given["working_dir"] = given.pop("project")
        return given

    def hit_beside(self, message_id: int | None, direction: int) -> SearchHit | None:
        """Return the hit before or after a message, in the order of the list."""
        ordered = [hit for _, hits in self.search.groups() for hit in hits]
        at = next((at for at, hit in enumerate(ordered) if hit.message_id == message_id), None)
        following = (0 if direction > 0 else len(ordered) - 1) if at is None else at + direction
        return ordered[following] if 0 <= following < len(ordered) else None

    def put(self, session: Session) -> None:
        """Show a session that changed."""
        entry = entry_of(session)
        if (old := self.sessions.entries.get(session.id)) is not None:
            entry.is_streaming = old.is_streaming
        else:
            self.sessions.total += 1
        self.sessions.put(entry)
        self.refresh_soon()

    def remove(self, session_id: str) -> None:
        """Remove a session that was deleted."""
        if self.sessions.entries.pop(session_id, None) is not None:
            self.sessions.total -= 1
            self.refresh_soon()

    def appended(self, message: Message) -> None:
        """Count a message that was appended, and set the preview by the first one of the user."""
        entry = self.sessions.entries.get(message.session_id)
        if entry is None:
            return
        entry.message_count += 1
        entry.last_message_at = max(entry.last_message_at, message.created_at)
        if entry.preview is None and message.role == "user":
            entry.preview = message.content[:100]
            entry.__post_init__()
        self.streaming(message)

    def deleted(self, session_id: str, count: int) -> None:
        """Count messages that were deleted."""
        if (entry := self.sessions.entries.get(session_id)) is not None:
            entry.message_count = max(0, entry.message_count - count)
            self.refresh_soon()

    def streaming(self, message: Message) -> None:
        """Mark a session while one of its messages is streamed."""
        entry = self.sessions.entries.get(message.session_id)
        if entry is not None:
            entry.is_streaming = message.state == "streaming"
            self.refresh_soon()

    def entry(self, session_id: str | None) -> Entry | None:
        """Return the row of a session."""
        return self.sessions.entries.get(session_id or "")
