"""A bounded log of recent events, which all subscriptions read.

A subscription is only a position in this log. A client that does not read its events therefore costs nothing and
delays no other client. When the log drops events that a subscription has not read, its client receives a `reset`.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from segue.config import Limits
from segue.events import RESET, DeferredData, Emitted, EventKind, Filter, Nothing
from segue.timestamps import Clock, timestamp

log = logging.getLogger("segue.server")

_encode = msgspec.json.Encoder().encode
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class LoggedEvent(NamedTuple):
    """An event: the members that filters compare, and its encoded JSON from `kind` on."""

    kind: EventKind
    session_id: str | None
    working_dir: str | None
    bot_id: str | None
    body: bytes


class PassingEvent(NamedTuple):
    """An event that is sent to the subscriptions of its moment only, and the number of the logged event after it."""

    before: int
    event: LoggedEvent


MAX_PASSING = 1000
MAX_PASSING_BYTES = 1024 * 1024
"""Events and bytes: how far a client may fall behind with passing events before it misses the oldest of them."""


class EventLog:
    """The newest events by number; each event has the next number."""

    def __init__(self, boot_id: str, limits: Limits, clock: Clock) -> None:
        self.end = 0
        """The number of the next event."""
        self.entries: dict[int, LoggedEvent] = {}
        """The retained events by number."""
        self.resets = 0
        """The number of `reset` events that were sent."""
        self._start = 0
        self._bytes = 0
        self._boot_id = boot_id
        self._limits = limits
        self._clock = clock
        self._active = False
        self.passing: dict[int, PassingEvent] = {}
        """The newest events that no cursor leads to, by numbers of their own."""
        self.passing_end = 0
        self._passing_start = 0
        self._passing_bytes = 0
        self._listeners: dict[object, Callable[[], None]] = {}

    def publish(self, emitted: list[Emitted]) -> None:
        """Append events and call the listeners.

        Before the first subscription nothing is retained, because no client has a cursor yet.
        """
        if not self._active:
            return
        for kind, session_id, working_dir, bot_id, at, data in emitted:
            try:
                body = _body(kind, session_id, at, data.build() if isinstance(data, DeferredData) else data)
            except Exception as error:  # noqa: BLE001 - Another program wrote the row; no client may miss the event.
                log.warning("cannot encode event (%s); sending reset to all subscribers", type(error).__name__)
                self.invalidate()
            else:
                self._append(LoggedEvent(kind, session_id, working_dir, bot_id, body))
        self._notify()

    def pass_on(self, emitted: Emitted) -> None:
        """Send an event to the subscriptions that exist, without a place in the log."""
        if not self._active:
            return
        kind, session_id, working_dir, bot_id, at, data = emitted
        event = LoggedEvent(kind, session_id, working_dir, bot_id, _body(kind, session_id, at, data))
        self.passing[self.passing_end] = PassingEvent(self.end, event)
        self.passing_end += 1
        self._passing_bytes += len(event.body)
        while len(self.passing) > MAX_PASSING or self._passing_bytes > MAX_PASSING_BYTES:
            self._passing_bytes -= len(self.passing.pop(self._passing_start).event.body)
            self._passing_start += 1
        self._notify()

    def next_passing(self, number: int) -> tuple[int, PassingEvent] | None:
        """Return the first passing event of this or a higher number, with its number."""
        number = max(number, self._passing_start)
        return (number, self.passing[number]) if number < self.passing_end else None

    def add_listener(self, owner: object, listener: Callable[[], None]) -> None:
        """Call `listener` after every publication; a second listener of the same owner replaces the first."""
        self._active = True
        self._listeners[owner] = listener

    def remove_listener(self, owner: object) -> None:
        """Stop calling the owner's listener."""
        self._listeners.pop(owner, None)

    def retains(self, number: int) -> bool:
        """Return True if the log holds every event from this number on."""
        return self._start <= number <= self.end

    def cursor(self, number: int) -> str:
        """Return the cursor that stands before the event of this number."""
        return f"{self._boot_id}-{number}"

    def position(self, cursor: str) -> int | None:
        """Return the number that a cursor means; None if the cursor is invalid or from an earlier daemon."""
        boot_id, _, number = cursor.rpartition("-")
        if boot_id != self._boot_id or not _NUMBER.fullmatch(number):
            return None
        return int(number)

    def reset(self) -> bytes:
        """Count a reset and return the body of the event that replaces the missing ones."""
        self.resets += 1
        return _body(RESET, None, timestamp(self._clock()), Nothing())

    def invalidate(self) -> None:
        """Drop all events, so that every subscription receives a reset."""
        self.entries.clear()
        self._bytes = 0
        self.end += 1
        self._start = self.end
        self._notify()

    def _append(self, event: LoggedEvent) -> None:
        self.entries[self.end] = event
        self.end += 1
        self._bytes += len(event.body)
        while len(self.entries) > self._limits.event_backlog or self._bytes > self._limits.event_backlog_bytes:
            self._bytes -= len(self.entries.pop(self._start).body)
            self._start += 1

    def _notify(self) -> None:
        for listener in self._listeners.values():
            listener()


def _body(kind: str, session_id: str | None, at: str, data: Any) -> bytes:
    """Return the members of an event's params from `kind` on, the closing brackets and the line feed."""
    return _encode({"kind": kind, "session_id": session_id, "at": at, "data": data})[1:] + b"}\n"


def notification(subscription_id: str, cursor: str, body: bytes) -> bytes:
    """Return the line that sends an event to a subscription."""
    head = f'{{"jsonrpc":"2.0","method":"event","params":{{"subscription_id":"{subscription_id}","cursor":"{cursor}",'
    return head.encode() + body


def matches(wanted: Filter, event: LoggedEvent) -> bool:
    """Return True if the filter accepts the event."""
    session_id, working_dir, bot_id, kinds = wanted
    return (
        (session_id is None or session_id == event.session_id)
        and (working_dir is None or working_dir == event.working_dir)
        and (bot_id is None or bot_id == event.bot_id)
        and (kinds is None or event.kind in kinds)
    )
