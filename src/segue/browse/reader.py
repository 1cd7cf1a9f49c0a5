"""The controller of the conversation: it opens sessions, fetches pages, and adds messages that arrive."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from segue.browse.data.pages import PAGE, TEXT_CHARS, Pages
from segue.browse.views.message import kind_of
from segue.client import ClientError
from segue.errors import NotFound, SegueError
from segue.models import Memory, Message, Session, Summary
from segue.results import MemoryPage, MessagePage
from segue.workflows.turns import Turn, last_turn

if TYPE_CHECKING:
    from segue.browse.app import Browse

FIRST_MESSAGES = 2 * PAGE
"""Messages: the end of a session that opening it loads. They contain a whole page."""

PAINT_SECONDS = 0.03
"""Seconds: the shortest interval between two paintings of text that arrives."""

DETAILS_SECONDS = 1.0
"""Seconds: the shortest interval between two loads of the details of a session that grows."""

SUMMARY = cast("type[Summary | None]", Summary | None)

NEWEST = 200
"""Messages: how many of the newest are searched for the last question."""


class Reader:
    """The controller of the conversation and of the details."""

    def __init__(self, app: "Browse") -> None:
        self._app = app
        self.session: Session | None = None
        self._wanted: str | None = None
        self._fetching: set[int] = set()
        self._is_pending = False
        self._details_are_due = False

    @property
    def pages(self) -> Pages:
        """Return the messages of the open session."""
        return self._app.conversation.pages

    @property
    def session_id(self) -> str | None:
        """Return the ID of the open session, or of the one that is being opened."""
        return self._wanted

    async def open(self, session_id: str, message_id: int | None = None) -> None:
        """Show a session at its end, or at a message."""
        conversation = self._app.conversation
        if self._wanted != session_id or self.session is None:
            self._wanted = session_id
            pages = Pages(session_id)
            page = await self._list(session_id, order="desc", limit=FIRST_MESSAGES)
            if self._wanted != session_id:
                return  # Another one was chosen meanwhile
            pages.count = page.total or 0
            pages.put(pages.count - len(page.messages), page.messages[::-1])
            self._fetching.clear()
            conversation.show(pages)
        if message_id is not None:
            await self.go_to(message_id)
        conversation.settle()
        await self.show_details()

    async def go_to(self, message_id: int) -> None:
        """Put the cursor on a message of the open session."""
        at = self.pages.position(message_id)
        if at is None:
            page = await self._list(self.pages.session_id, around_id=message_id, limit=1, text_chars=0)
            at = page.first_index if isinstance(page.first_index, int) else 0
        self._app.conversation.reveal(at)

    async def show_details(self) -> None:
        """Load what the details and the title show."""
        session_id = self._wanted
        if session_id is None:
            return
        link = self._app.link
        session, memories, summary = await asyncio.gather(
            link.call("session.get", Session, session_id=session_id),
            link.call("memory.list", MemoryPage, session_id=session_id, limit=20),
            link.call("summary.latest", SUMMARY, session_id=session_id),
        )
        if self._wanted == session_id:
            self.session = session
            self._app.conversation.summary = summary
            self._show(memories.memories, summary)

    def _show(self, memories: list[Memory], summary: Summary | None) -> None:
        if self.session is not None:
            parent, forks = self._app.lister.sessions.family(self.session.id)
            self._app.details.show(self.session, parent, forks, memories, summary)
            self._app.show_state()

    def close(self) -> None:
        """Show no session."""
        self._wanted = self.session = None
        self._app.conversation.show(Pages(""))
        self._app.conversation.settle()
        self._app.details.show(None)
        self._app.show_state()

    async def reload(self) -> None:
        """Load the open session again at the same message, after events are missing or messages are deleted."""
        session_id = self._wanted
        if session_id is None:
            return
        conversation = self._app.conversation
        current = conversation.current
        follow, unfolded, line = conversation.follow, conversation.unfolded, conversation.reading_at[1]
        reading = self.pages[conversation.reading_at[0]]
        self.session = None
        try:
            await self.open(session_id)
            conversation.unfolded = unfolded
            if not follow and reading is not None:
                await self._restore(reading.id, line)
            if not follow and current is not None and (at := self.pages.position(current.id)) is not None:
                conversation.cursor = at
            conversation.settle()
        except NotFound:
            self.close()

    async def _restore(self, message_id: int, line: int) -> None:
        """Put the reader's place back on a message; on the nearest one before it if it is gone."""
        try:
            page = await self._list(self.pages.session_id, around_id=message_id, limit=1, text_chars=0)
        except NotFound:
            page = await self._list(self.pages.session_id, before_id=message_id, order="desc", limit=1, text_chars=0)
        conversation = self._app.conversation
        at = page.first_index if isinstance(page.first_index, int) else 0
        conversation.follow = False
        conversation.reading_at = conversation.reading_at if at >= self.pages.count else (at, line)
        conversation.cursor = min(at, max(0, self.pages.count - 1))

    def fetch(self, number: int) -> None:
        """Fetch a page that is missing, once."""
        if number not in self._fetching:
            self._fetching.add(number)
            self._app.spawn(self._fetch(self.pages, number))

    async def _fetch(self, pages: Pages, number: int) -> None:
        first = number * PAGE
        wanted = min(PAGE, pages.count - first)
        params: dict[str, Any] = {"limit": wanted}
        bound = pages.neighbor_id(number)
        if bound is not None:
            params |= {bound[0]: bound[1], "order": "asc" if bound[0] == "after_id" else "desc"}
        elif first > pages.count // 2:  # From the nearer end, because the daemon skips row by row
            params |= {"order": "desc", "offset": pages.count - first - wanted}
        else:
            params |= {"offset": first}
        try:
            at, messages, is_whole = await self._collect(pages.session_id, wanted, params)
        finally:
            self._fetching.discard(number)
        if pages is not self.pages:
            return
        if at is not None:
            pages.put(at, messages)
            self.paint_soon()
        if not is_whole:  # Messages were deleted, and the event is not here yet
            await self.reload()

    async def _collect(
        self, session_id: str, wanted: int, params: dict[str, Any]
    ) -> tuple[int | None, list[Message], bool]:
        """Return the position of the first message, the messages in order, and whether there are as many as wanted.

        The daemon bounds the bytes of an answer, so a page may come in pieces.
        """
        is_backward = params.get("order") == "desc"
        found: list[Message] = []
        first: int | None = None
        while len(found) < wanted:
            page = await self._list(session_id, **params)
            if first is None and isinstance(page.first_index, int):
                first = page.first_index
            found += page.messages
            if not page.has_more or not page.messages:
                break
            bound = {"before_id" if is_backward else "after_id": page.messages[-1].id}
            params = {"order": params.get("order"), "limit": wanted - len(found), **bound}
        if is_backward and first is not None:  # The first message of the answer is the newest one
            return first - len(found) + 1, found[::-1], len(found) >= wanted
        return first, found, len(found) >= wanted

    async def _list(self, session_id: str, **params: Any) -> MessagePage:
        return await self._app.link.call(
            "message.list", MessagePage, **{"session_id": session_id, "text_chars": TEXT_CHARS, **params}
        )

    async def question_beside(self, direction: int) -> None:
        """Put the cursor on the user's question before or after the message under it."""
        current = self._app.conversation.current
        if current is None:
            return None
        bound, order = ("before_id", "desc") if direction < 0 else ("after_id", "asc")
        start = current.id
        while True:
            page = await self._list(
                self.pages.session_id, roles=["user"], order=order, limit=50, text_chars=40, **{bound: start}
            )
            found = next((one for one in page.messages if kind_of(one) == "you"), None)
            if found is not None:
                return await self.go_to(found.id)
            if not page.has_more or not page.messages:
                return None
            start = page.messages[-1].id

    async def whole(self, message: Message) -> Message:
        """Return a message with its whole text."""
        return await self._app.link.call("message.get", Message, message_id=message.id)

    async def last_turn(self, session_id: str) -> Turn | None:
        """Return the last question of a session and what answers it."""
        page = await self._list(session_id, order="desc", limit=NEWEST)
        return last_turn(page.messages[::-1])

    def appended(self, message: Message) -> None:
        """Show a message that was appended to the open session."""
        if message.session_id == self.pages.session_id and self.pages.append(message):
            self.paint_soon()
            self._details_soon()

    def updated(self, message: Message) -> None:
        """Show a message that was changed."""
        if message.session_id == self.pages.session_id and self.pages.replace(message) is not None:
            self.paint_soon()
            self._details_soon()

    def add_delta(self, message_id: int, offset: int, text: str) -> None:
        """Add streamed text to a message; fetch the message if a piece is missing."""
        if self.pages.add_delta(message_id, offset, text):
            self.paint_soon()
        elif self.pages.position(message_id) is not None:
            self._app.spawn(self._refetch(message_id))

    async def _refetch(self, message_id: int) -> None:
        try:
            self.updated(await self._app.link.call("message.get", Message, message_id=message_id))
        except SegueError:
            return  # It was deleted meanwhile

    def _details_soon(self) -> None:
        """Load the details again within a second: an append changes their counts and sends no event of the session."""
        if not self._details_are_due:
            self._details_are_due = True
            self._app.set_timer(DETAILS_SECONDS, lambda: self._app.spawn(self._renew_details()))

    async def _renew_details(self) -> None:
        self._details_are_due = False
        with suppress(SegueError, ClientError):  # It was deleted, or the daemon left: then all is loaded again
            await self.show_details()

    def paint_soon(self) -> None:
        """Paint within 30 ms, whatever arrives meanwhile."""
        if not self._is_pending:
            self._is_pending = True
            self._app.set_timer(PAINT_SECONDS, self._paint)

    def _paint(self) -> None:
        self._is_pending = False
        self._app.conversation.added()
        self._app.show_state()
