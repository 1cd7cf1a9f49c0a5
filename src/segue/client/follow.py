"""Follow events and messages across restarts of the daemon.

The functions here do not use a socket. They yield steps, which `Client` and `AsyncClient` execute:

1. Subscribe; with the cursor of the last event, if there is one.
2. Emit each event. For messages, first emit those that `message.list` returns after the last emitted ID.
3. After a `reset` event, list the messages again. The ID detects a message that arrives twice.
4. A message that is being streamed is emitted when it ends. With `live`, it is emitted before too: when it begins, and
   with each text that is added. Texts that were missed are read with `message.get`.
5. When the connection is lost, report it with `Lost` and continue with step 1.
"""

from collections.abc import Callable, Generator
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import structs

from segue.client.errors import ClientError
from segue.errors import NotFound, Overloaded, ShuttingDown
from segue.events import RESET, Event, MessageDelta
from segue.models import Message, Session
from segue.results import MessagePage, Subscribed

R = TypeVar("R")

OnLost = Callable[[Exception], None]

UNAVAILABLE = (ClientError, ShuttingDown, Overloaded)
"""Errors of a daemon that does not serve at the moment."""


class Exchange(NamedTuple):
    """A step that sends a request. Its reply is the response."""

    name: str
    params: dict[str, Any]


class NextEvent(NamedTuple):
    """A step that waits for an event of a subscription. Its reply is the event."""

    subscription_id: str


class Lost(NamedTuple):
    """A step that reports a lost connection and pauses."""

    fault: Exception


class Emit(NamedTuple, Generic[R]):
    """A step that hands a value to the caller."""

    value: R


Steps = Generator[Exchange | NextEvent | Lost | Emit[R], Any, None]
"""Steps with values of type R. An error of an exchange is thrown into the generator."""


class MessageFilter(NamedTuple):
    """The messages to follow; None does not restrict them."""

    session_id: str | None = None
    working_dir: str | None = None
    bot_id: str | None = None
    project: str | None = None


class FollowedMessage(NamedTuple):
    """A message with the latest known state of its session, or None if the session is deleted."""

    message: Message
    session: Session | None


def follow_events(filters: dict[str, Any]) -> Steps[Event]:
    """Yield the steps that emit all events that the parameters of `events.subscribe` select."""
    cursor = filters.get("cursor")
    while True:
        try:
            subscription = yield from _subscribe({**filters, "cursor": cursor})
            cursor = cursor or subscription.cursor
            while True:
                event: Event = yield NextEvent(subscription.subscription_id)
                cursor = event.cursor
                yield Emit(event)
        except UNAVAILABLE as fault:
            yield Lost(fault)


def follow_messages(wanted: MessageFilter, after_id: int | None, *, live: bool = False) -> Steps[FollowedMessage]:
    """Yield the steps that emit each wanted message after `after_id` once, and with `live` also while it grows."""
    follower = _Follower(wanted, after_id, live=live)
    while True:
        try:
            yield from follower.follow()
        except UNAVAILABLE as fault:
            yield Lost(fault)


class _Follower:
    """The last emitted ID, and the sessions of the messages. IDs grow in the order of the commits."""

    def __init__(self, wanted: MessageFilter, after_id: int | None, *, live: bool) -> None:
        self._wanted = wanted
        self._live = live
        self._streaming: dict[int, Message] = {}
        """The wanted messages that are being streamed, with their content so far."""
        self._ended: set[int] = set()
        """Messages that were read after they had ended; texts of them may still arrive."""
        self._last_id = after_id
        self._sessions: dict[str, Session | None] = {}

    def follow(self) -> Steps[FollowedMessage]:
        page: MessagePage = (yield Exchange("message.list", {"order": "desc", "limit": 1})).decode(MessagePage)
        newest = page.messages[0].id if page.messages else 0
        # The newest ID is lower than the last one if that message was deleted or the database was replaced.
        self._last_id = newest if self._last_id is None else min(self._last_id, newest)
        self._sessions.clear()
        # A subscription has no filter by project, so `_emit_event` checks it.
        filters = {name: value for name, value in self._wanted._asdict().items() if value is not None}
        filters.pop("project", None)
        kinds = ["message.appended", "message.updated", "session.updated", *(["message.delta"] if self._live else ())]
        subscription = yield from _subscribe({**filters, "kinds": kinds})
        yield from self._missed()
        while True:
            event: Event = yield NextEvent(subscription.subscription_id)
            if isinstance(event.data, Session):
                self._sessions[event.data.id] = event.data
            elif event.kind == "message.appended":
                yield from self._emit_event(event.data)
            elif event.kind == "message.updated":
                yield from self._update(event.data)
            elif isinstance(event.data, MessageDelta):
                yield from self._grow(event.data)
            elif event.kind == RESET:
                yield from self._missed()

    def _missed(self) -> Steps[FollowedMessage]:
        more, streaming = True, list(self._streaming)
        while more:
            params: dict[str, Any] = {"after_id": self._last_id}
            if self._wanted.session_id is not None:
                params["session_id"] = self._wanted.session_id
            page: MessagePage = (yield Exchange("message.list", params)).decode(MessagePage)
            for message in page.messages:
                if self._is_wanted(message, (yield from self._session(message.session_id))):
                    yield from self._emit(message)
                self._last_id = max(self._last_id or 0, message.id)
            more = page.has_more and bool(page.messages)
        for message_id in streaming:
            yield from self._read(message_id)

    def _emit_event(self, message: Message) -> Steps[FollowedMessage]:
        if self._wanted.project is not None:
            session = yield from self._session(message.session_id)
            if session is None or session.project != self._wanted.project:
                return
        yield from self._emit(message)

    def _emit(self, message: Message) -> Steps[FollowedMessage]:
        if message.id > (self._last_id or 0):
            self._last_id = message.id
            yield from self._emit_state(message)

    def _emit_state(self, message: Message) -> Steps[FollowedMessage]:
        """Emit a message that has ended. Remember one that is being streamed, and emit it if followers want it live."""
        self._streaming.pop(message.id, None)
        if message.state == "streaming":
            self._streaming[message.id] = message
        if message.state != "streaming" or self._live:
            session = yield from self._session(message.session_id)
            yield Emit(FollowedMessage(message, session))

    def _update(self, message: Message) -> Steps[FollowedMessage]:
        known = self._streaming.get(message.id)
        if known is None:
            return
        if message.state == "streaming" and known.content.startswith(message.content):
            message = structs.replace(message, content=known.content)  # The event has what was stored only.
        yield from self._emit_state(message)

    def _grow(self, delta: MessageDelta) -> Steps[FollowedMessage]:
        known = self._streaming.get(delta.message_id)
        if delta.message_id in self._ended:
            return
        if known is None or delta.offset > len(known.content):
            yield from self._read(delta.message_id)
        elif delta.offset + len(delta.text) > len(known.content):
            yield from self._emit_state(structs.replace(known, content=known.content[: delta.offset] + delta.text))

    def _read(self, message_id: int) -> Steps[FollowedMessage]:
        """Emit a message as the daemon has it."""
        answer = yield Exchange("message.get", {"message_id": message_id})
        try:
            message = answer.decode(Message)
        except NotFound:
            self._streaming.pop(message_id, None)
        else:
            if message.state != "streaming":
                self._ended.add(message_id)
            yield from self._emit_state(message)

    def _is_wanted(self, message: Message, session: Session | None) -> bool:
        """Return True if a listed message passes the filter and is no copy that a fork made."""
        if session is None:
            return self._wanted._replace(session_id=None) == MessageFilter()
        # The copies of a fork are older than their session.
        copied = "forked_from" in session.metadata and message.created_at < session.created_at
        names = ("working_dir", "bot_id", "project")
        return not copied and all(getattr(self._wanted, name) in (None, getattr(session, name)) for name in names)

    def _session(self, session_id: str) -> Generator[Exchange, Any, Session | None]:
        if session_id not in self._sessions:
            answer = yield Exchange("session.get", {"session_id": session_id})
            try:
                self._sessions[session_id] = answer.decode(Session)
            except NotFound:
                self._sessions[session_id] = None
        return self._sessions[session_id]


def _subscribe(params: dict[str, Any]) -> Generator[Exchange, Any, Subscribed]:
    subscribed: Subscribed = (yield Exchange("events.subscribe", params)).decode(Subscribed)
    return subscribed
