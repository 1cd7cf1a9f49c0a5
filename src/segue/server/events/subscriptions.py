"""The subscriptions of one connection: what each wants, and how far it has got. No socket here."""

from dataclasses import dataclass
from itertools import count

import anyio

from segue.errors import Overloaded
from segue.events import Filter
from segue.results import Subscribed
from segue.server.events.event_log import EventLog, line, matches

SUBSCRIPTIONS = 16
"""Of one connection: each looks at every event, and one with a wider filter serves as well as many."""

LOOKS = 1000
"""Events that a subscription looks at in one turn: about a millisecond, if its filter wants none of them."""


@dataclass
class Subscription:
    """A filter and a position in the backlog."""

    id: str
    wanted: Filter
    position: int | None
    """The number of the next event to look at; None if events before the next one are missing."""


class Subscriptions:
    """What one connection is to be told."""

    def __init__(self, backlog: EventLog) -> None:
        self._backlog = backlog
        self._ids = count(1)
        self._waiting: list[Subscription] = []
        self._live: list[Subscription] = []
        self._until: int | None = None
        self._wake = anyio.Event()

    def __len__(self) -> int:
        return len(self._live) + len(self._waiting)

    def subscribe(self, wanted: Filter, cursor: str | None) -> Subscribed:
        """A subscription from the cursor on, else from now on; it is silent until `release`.

        The answer's cursor is the position it starts at: going on there later misses nothing, not even a reset.
        Raises Overloaded over `SUBSCRIPTIONS`.
        """
        if len(self) >= SUBSCRIPTIONS:
            raise Overloaded(f"this connection has {SUBSCRIPTIONS} subscriptions already")
        backlog = self._backlog
        backlog.follow(self, self.look)
        position = backlog.end if cursor is None else backlog.position(cursor)
        made = Subscription(str(next(self._ids)), wanted, position)
        self._waiting.append(made)
        return Subscribed(subscription_id=made.id, cursor=backlog.cursor(backlog.end) if cursor is None else cursor)

    def unsubscribe(self, id: str) -> bool:
        """Whether there was such a subscription; nothing more comes of it."""
        before = len(self)
        self._live = [one for one in self._live if one.id != id]
        self._waiting = [one for one in self._waiting if one.id != id]
        if not len(self):
            self._backlog.unfollow(self)
        return len(self) < before

    def release(self) -> None:
        """The answers to new subscriptions are sent: their events may follow."""
        if self._waiting:
            self._live += self._waiting
            self._waiting = []
            self._wake.set()

    def finish(self) -> None:
        """Nothing that happens from now on is told any more."""
        self._until = self._backlog.end
        self._wake.set()

    def close(self) -> None:
        """Nobody is left to be told anything."""
        self._backlog.unfollow(self)

    def look(self) -> None:
        """Something happened: pass over what nobody here wants, and end the wait if there is more than that.

        So an event costs those who do not want it no turn of their task, and a filter that lets nothing through
        keeps up even while its connection is stuck.
        """
        for one in self._live:
            if self._finds_something(one):
                self._wake.set()

    async def wait(self) -> bool:
        """Return when there may be something to take; False if nothing will be, because it is finished."""
        if self._until is not None:
            return False
        await self._wake.wait()
        return True

    def take(self, room: int) -> tuple[bytes, bool]:
        """The next lines, not many more bytes than `room`, and whether there is still more to look at."""
        self._wake = anyio.Event()
        end = self._backlog.end if self._until is None else self._until
        lines = bytearray()
        self._live = [*self._live[1:], *self._live[:1]]  # each gets its turn at the whole room
        for one in self._live:
            self._take_from(one, end, lines, room)
        return bytes(lines), any(one.position is None or one.position < end for one in self._live)

    def _finds_something(self, one: Subscription) -> bool:
        backlog = self._backlog
        if one.position is None or not backlog.holds(one.position):
            return True
        for number in range(one.position, min(backlog.end, one.position + LOOKS)):
            if matches(one.wanted, backlog.entries[number]):
                return True
            one.position = number + 1
        return one.position < backlog.end

    def _take_from(self, one: Subscription, end: int, lines: bytearray, room: int) -> None:
        backlog = self._backlog
        if one.position is None or not backlog.holds(one.position):
            one.position = backlog.end
            lines += line(one.id, backlog.cursor(backlog.end), backlog.reset())
            return
        for number in range(one.position, min(end, one.position + LOOKS)):
            if len(lines) >= room:
                return
            one.position = number + 1
            entry = backlog.entries[number]
            if matches(one.wanted, entry):
                lines += line(one.id, backlog.cursor(one.position), entry.body)
