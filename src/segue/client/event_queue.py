"""Hold the unread events of one subscription."""

from collections import deque

from segue.events import RESET, Event, Nothing

MAX_EVENTS = 1000
"""Count: the most unread events of a subscription. A program that reads them falls behind by a few only."""

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""Bytes: the most unread events of a subscription, as received. One event may contain a message of 8 MiB."""


class EventQueue:
    """A bounded queue of events. When it overflows, one `reset` event replaces all unread events."""

    def __init__(self) -> None:
        self._events: deque[tuple[Event, int]] = deque()
        self._bytes = 0

    def put(self, event: Event, size: int) -> None:
        """Append an event of `size` bytes."""
        if len(self._events) >= MAX_EVENTS or (self._events and self._bytes + size > MAX_EVENT_BYTES):
            self._events.clear()
            self._bytes = size = 0
            event = Event(
                subscription_id=event.subscription_id,
                cursor=event.cursor,
                kind=RESET,
                session_id=None,
                at=event.at,
                data=Nothing(),
            )
        self._events.append((event, size))
        self._bytes += size

    def pop(self) -> Event | None:
        """Remove and return the oldest event; None if there is none."""
        if not self._events:
            return None
        event, size = self._events.popleft()
        self._bytes -= size
        return event
