"""Events: what the store emits, and what a client receives."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from segue.models import Bot, Count, Memory, Message, RowId, Session, Summary, Timestamp

EventKind = Literal[
    "session.created", "session.updated", "session.ended", "session.deleted", "message.appended",
    "message.updated", "message.delta", "messages.deleted", "summary.saved", "memory.saved", "memory.deleted",
    "bot.created", "bot.deleted",
]  # fmt: skip
AnyKind = Literal[EventKind, "reset"]

RESET: Literal["reset"] = "reset"
"""Events are missing here, so the client's state may be out of date. Every subscription receives it."""


class SessionDeleted(Struct, kw_only=True):
    """A session that was deleted with everything it held."""

    session_id: str


class MessagesDeleted(Struct, kw_only=True):
    """Messages of a session that were deleted: the ones below an id, or the ones with the ids."""

    before_id: RowId | UnsetType = UNSET
    message_ids: list[RowId] | UnsetType = UNSET
    deleted: RowId


class MessageDelta(Struct, kw_only=True):
    """Text that was added to a message that is being streamed, and its position in characters.

    The daemon does not keep this event: a client that did not read it in time receives the next one.
    """

    message_id: RowId
    offset: Count
    text: str


class MemoryDeleted(Struct, kw_only=True):
    """A memory that was deleted."""

    memory_id: RowId


class BotDeletedEvent(Struct, kw_only=True):
    """A bot that was deleted with its sessions and memories."""

    bot_id: str


class Nothing(Struct):
    """The empty data of a reset."""


Data = (
    Session
    | SessionDeleted
    | Message
    | MessageDelta
    | MessagesDeleted
    | Summary
    | Memory
    | MemoryDeleted
    | Bot
    | BotDeletedEvent
    | Nothing
)

DATA: dict[AnyKind, type[Data]] = {
    "session.created": Session,
    "session.updated": Session,
    "session.ended": Session,
    "session.deleted": SessionDeleted,
    "message.appended": Message,
    "message.updated": Message,
    "message.delta": MessageDelta,
    "messages.deleted": MessagesDeleted,
    "summary.saved": Summary,
    "memory.saved": Memory,
    "memory.deleted": MemoryDeleted,
    "bot.created": Bot,
    "bot.deleted": BotDeletedEvent,
    RESET: Nothing,
}
"""The type of an event's data, by kind."""


class DeferredData(NamedTuple):
    """The data of an event, to be built if a client has subscribed: it takes a tenth of an append."""

    function: Callable[..., Data]
    arguments: tuple[Any, ...]

    def build(self) -> Data:
        """Return the data."""
        return self.function(*self.arguments)


class Emitted(NamedTuple):
    """An event as the store emits it, with the fields that filters compare."""

    kind: EventKind
    session_id: str | None
    working_dir: str | None
    bot_id: str | None
    at: str
    data: Data | DeferredData


class Filter(NamedTuple):
    """Conditions on events; None accepts all."""

    session_id: str | None = None
    working_dir: str | None = None
    bot_id: str | None = None
    kinds: frozenset[EventKind] | None = None


class Event(Struct, kw_only=True):
    """An event as a client receives it; `data` has the type that `DATA` holds for its kind."""

    subscription_id: str
    cursor: str
    """The position at which a later subscription continues after this event."""
    kind: AnyKind
    session_id: str | None
    at: Timestamp
    data: Any


class _Received(Struct, kw_only=True):
    kind: str
    data: Raw


_decode = msgspec.json.Decoder(Event).decode
_decode_received = msgspec.json.Decoder(_Received).decode
_KNOWN = frozenset(get_args(AnyKind))


def decode_event(params: bytes | Raw) -> Event | None:
    """Return the event in a notification's params, or None for a kind that only a newer daemon sends.

    Raises:
        msgspec.DecodeError: the params are not an event.
    """
    received = _decode_received(params)
    if received.kind not in _KNOWN:
        return None
    event = _decode(params)
    event.data = msgspec.json.decode(received.data, type=DATA[event.kind])
    return event
