"""The effects of events: on rows of the list, on messages of the open session, and on its details."""

from typing import TYPE_CHECKING

from segue.browse.keys import LIST
from segue.events import RESET, Event, MessagesDeleted
from segue.models import Session

if TYPE_CHECKING:
    from segue.browse.app import Browse


class Live:
    """The reader of the events."""

    def __init__(self, app: "Browse") -> None:
        self._app = app

    async def follow(self) -> None:
        """Show what events report, without end."""
        async for event in self._app.link.events():
            await self._app.guarded(self._handle(event))

    async def _deleted(self, session_id: str, data: MessagesDeleted) -> None:
        self._app.lister.deleted(session_id, data.deleted)
        if session_id == self._app.reader.session_id:
            await self._app.reader.reload()

    async def _handle(self, event: Event) -> None:
        kind: str = event.kind
        data = event.data
        if kind == "message.appended":
            self._app.lister.appended(data)
            self._app.reader.appended(data)
        elif kind == "message.updated":
            self._app.lister.streaming(data)
            self._app.reader.updated(data)
        elif kind == "message.delta":
            self._app.reader.add_delta(data.message_id, data.offset, data.text)
        elif isinstance(data, MessagesDeleted):
            await self._deleted(event.session_id or "", data)
        elif isinstance(data, Session):
            self._app.lister.put(data)
            if data.id == self._app.reader.session_id:
                await self._app.reader.show_details()
        elif kind == "session.deleted":
            self._app.lister.remove(data.session_id)
            if data.session_id == self._app.reader.session_id:
                self._app.reader.close()
                self._app.go(LIST)
        elif kind == RESET:
            # The events may be back before the other connections
            await self._app.link.repeat_until_done(self._app.lister.reload)
            await self._app.link.repeat_until_done(self._app.reader.reload)
