"""What happened, as the store tells it and as clients hear of it."""

from typing import Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import Raw, Struct

from segue.models import Memory, Message, RowId, Session, Summary, Timestamp

EventKind = Literal[
    "session.created", "session.updated", "session.ended", "session.deleted", "message.appended", "messages.deleted",
    "summary.saved", "memory.saved", "memory.deleted",
]  # fmt: skip
AnyKind = Literal[EventKind, "reset"]

RESET: Literal["reset"] = "reset"
"""Events are missing here: what the client knows may be out of date. Sent whatever kinds were asked for."""


class SessionDeleted(Struct, kw_only=True):
    """A session that is gone, with all it held."""

    session_id: str


class MessagesDeleted(Struct, kw_only=True):
    """Messages of a session that are gone: those with a smaller id."""

    before_id: RowId
    deleted: RowId


class MemoryDeleted(Struct, kw_only=True):
    """A memory that is gone."""

    memory_id: RowId


class Nothing(Struct):
    """A reset says nothing but that it is one."""


Data = Session | SessionDeleted | Message | MessagesDeleted | Summary | Memory | MemoryDeleted | Nothing

DATA: dict[AnyKind, type[Data]] = {
    "session.created": Session,
    "session.updated": Session,
    "session.ended": Session,
    "session.deleted": SessionDeleted,
    "message.appended": Message,
    "messages.deleted": MessagesDeleted,
    "summary.saved": Summary,
    "memory.saved": Memory,
    "memory.deleted": MemoryDeleted,
    RESET: Nothing,
}
"""What an event of each kind carries."""


class Emitted(NamedTuple):
    """An event as the store tells it, with all that a filter may look at."""

    kind: EventKind
    session_id: str | None
    working_dir: str | None
    bot_id: str | None
    at: str
    data: Data


class Filter(NamedTuple):
    """Which events are wanted; None wants all."""

    session_id: str | None = None
    working_dir: str | None = None
    bot_id: str | None = None
    kinds: frozenset[EventKind] | None = None


class Event(Struct, kw_only=True):
    """An event as a client hears of it; `data` is of the type that `DATA` has for its kind."""

    subscription_id: str
    cursor: str
    """Where to go on after this event: the `cursor` of a later subscription."""
    kind: AnyKind
    session_id: str | None
    at: Timestamp
    data: Any


class _Sent(Struct, kw_only=True):
    kind: str
    data: Raw


_decode = msgspec.json.Decoder(Event).decode
_decode_sent = msgspec.json.Decoder(_Sent).decode
_KNOWN = frozenset(get_args(AnyKind))


def decode_event(params: bytes | Raw) -> Event | None:
    """The event that a notification's params hold; None for a kind that only a newer daemon knows.

    Raises msgspec.DecodeError for anything else.
    """
    sent = _decode_sent(params)
    if sent.kind not in _KNOWN:
        return None
    event = _decode(params)
    event.data = msgspec.json.decode(sent.data, type=DATA[event.kind])
    return event
