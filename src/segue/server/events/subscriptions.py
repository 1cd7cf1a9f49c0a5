"""The subscriptions of one connection: their filters and their positions in the event log.

Event delivery, without any socket in this module:

1. The writer publishes events after COMMIT. The log calls `on_published` of every connection that subscribes.
2. `on_published` moves each position past events that the filter rejects. It wakes the connection's event task only
   if an event matches, so that unwanted events cost no task switch.
3. The event task calls `next_batch` under the send lock, sends the batch, and repeats until nothing is left.
4. A position whose events the log has dropped receives one `reset` and continues at the end of the log.
5. A new subscription is pending until the response to `events.subscribe` is sent. `activate_pending` then starts it,
   so that no event precedes the response that names its subscription.
6. `stop_at_end` freezes the end for a connection that closes: events after it are not sent, and `wait` returns False.
"""

from dataclasses import dataclass
from itertools import count

import anyio

from segue.errors import Overloaded
from segue.events import Filter
from segue.results import Subscribed
from segue.server.events.event_log import EventLog, LoggedEvent, matches, notification

MAX_SUBSCRIPTIONS = 16
"""Subscriptions per connection. Each examines every event, and one wider filter replaces many."""

SCAN_BATCH = 1000
"""Events that a subscription examines in one turn: about 1 ms if its filter rejects all of them."""


@dataclass
class Subscription:
    """A filter and a position in the event log."""

    id: str
    wanted: Filter
    position: int | None
    """The number of the next event to examine; None if earlier events are missing."""
    passing: int
    """The number of the next passing event to examine."""


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self, event_log: EventLog) -> None:
        self._log = event_log
        self._ids = count(1)
        self._pending: list[Subscription] = []
        self._active: list[Subscription] = []
        self._end: int | None = None
        self._wake = anyio.Event()

    def __len__(self) -> int:
        return len(self._active) + len(self._pending)

    def subscribe(self, wanted: Filter, cursor: str | None) -> Subscribed:
        """Add a pending subscription that starts at the cursor; None: at the end of the log.

        A client that subscribes again with the returned cursor misses nothing, not even a reset.

        Raises:
            Overloaded: the connection has MAX_SUBSCRIPTIONS subscriptions.
        """
        if len(self) >= MAX_SUBSCRIPTIONS:
            raise Overloaded(f"this connection has {MAX_SUBSCRIPTIONS} subscriptions already")
        event_log = self._log
        event_log.add_listener(self, self.on_published)
        position = event_log.end if cursor is None else event_log.position(cursor)
        added = Subscription(str(next(self._ids)), wanted, position, event_log.passing_end)
        self._pending.append(added)
        return Subscribed(
            subscription_id=added.id, cursor=event_log.cursor(event_log.end) if cursor is None else cursor
        )

    def unsubscribe(self, id: str) -> bool:
        """Remove a subscription; return False if there is none with this ID."""
        before = len(self)
        self._active = [each for each in self._active if each.id != id]
        self._pending = [each for each in self._pending if each.id != id]
        if not len(self):
            self._log.remove_listener(self)
        return len(self) < before

    def activate_pending(self) -> None:
        """Start the new subscriptions, because the responses that name them are sent."""
        if self._pending:
            self._active += self._pending
            self._pending = []
            self._wake.set()

    def stop_at_end(self) -> None:
        """Send no event that is published from now on."""
        self._end = self._log.end
        self._wake.set()

    def close(self) -> None:
        """Stop listening to the event log."""
        self._log.remove_listener(self)

    def on_published(self) -> None:
        """Skip the events that no filter here accepts, and wake the event task if one is accepted."""
        for subscription in self._active:
            if self._advance(subscription) or self._advance_passing(subscription):
                self._wake.set()

    async def wait(self) -> bool:
        """Return when there may be a batch; False if there will be none because the subscriptions have stopped."""
        if self._end is not None:
            return False
        await self._wake.wait()
        return True

    def next_batch(self, max_bytes: int) -> tuple[bytes, bool]:
        """Return the next lines, about `max_bytes` at most, and True if more events are to be examined."""
        self._wake = anyio.Event()
        end = self._log.end if self._end is None else self._end
        lines = bytearray()
        # Rotated, because the first subscription may fill the whole batch.
        self._active = [*self._active[1:], *self._active[:1]]
        for subscription in self._active:
            self._add_lines(subscription, end, lines, max_bytes)
        return bytes(lines), any(self._has_more(subscription, end) for subscription in self._active)

    def _advance(self, subscription: Subscription) -> bool:
        """Skip rejected events; return True if the event task has work."""
        event_log = self._log
        if subscription.position is None or not event_log.retains(subscription.position):
            return True
        for number in range(subscription.position, min(event_log.end, subscription.position + SCAN_BATCH)):
            if matches(subscription.wanted, event_log.entries[number]):
                return True
            subscription.position = number + 1
        return subscription.position < event_log.end

    def _has_more(self, subscription: Subscription, end: int) -> bool:
        if subscription.position is None or subscription.position < end:
            return True
        found = self._log.next_passing(subscription.passing)
        return found is not None and found[1].before <= end

    def _advance_passing(self, subscription: Subscription) -> bool:
        """Skip rejected passing events; return True if one is accepted."""
        while (found := self._log.next_passing(subscription.passing)) is not None:
            number, passing = found
            if matches(subscription.wanted, passing.event):
                return True
            subscription.passing = number + 1
        return False

    def _add_lines(self, subscription: Subscription, end: int, lines: bytearray, max_bytes: int) -> None:
        event_log = self._log
        if subscription.position is None or not event_log.retains(subscription.position):
            subscription.position = event_log.end
            lines += notification(subscription.id, event_log.cursor(event_log.end), event_log.reset())
            return
        for _ in range(SCAN_BATCH):
            if len(lines) >= max_bytes or (event := self._take(subscription, subscription.position, end)) is None:
                return
            if matches(subscription.wanted, event):
                lines += notification(subscription.id, event_log.cursor(subscription.position), event.body)

    def _take(self, subscription: Subscription, position: int, end: int) -> LoggedEvent | None:
        """Return the next event and move past it: a passing one before the logged event that it preceded."""
        found = self._log.next_passing(subscription.passing)
        if found is not None and found[1].before <= position:
            subscription.passing = found[0] + 1
            return found[1].event
        if position >= end:
            return None
        subscription.position = position + 1
        return self._log.entries[position]
