"""The last events, kept once for all who follow them.

A follower is a position here and nothing else: whoever does not read stays behind, costs nothing and holds
nobody up, and finds out by a `reset` when the events at its position are no longer kept.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from segue.config import Limits
from segue.events import RESET, Emitted, EventKind, Filter, Nothing
from segue.timestamps import Clock, timestamp

log = logging.getLogger("segue.server")

_encode = msgspec.json.Encoder().encode
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class Entry(NamedTuple):
    """One event: what filters look at, and its JSON from `kind` on, which is the same for everyone."""

    kind: EventKind
    session_id: str | None
    working_dir: str | None
    bot_id: str | None
    body: bytes


class EventLog:
    """The newest events, each under a number; numbers grow by one."""

    def __init__(self, boot_id: str, limits: Limits, clock: Clock) -> None:
        self.end = 0
        """The number that the next event will have."""
        self.entries: dict[int, Entry] = {}
        """What is kept, by number."""
        self.resets = 0
        """How often a follower was told that events are missing."""
        self._start = 0
        self._bytes = 0
        self._boot_id = boot_id
        self._limits = limits
        self._clock = clock
        self._followed = False
        self._wakers: dict[object, Callable[[], None]] = {}

    def publish(self, several: list[Emitted]) -> None:
        """Keep the events and wake who waits for them.

        Nothing is kept before the first position was asked for: nobody could go back to it.
        """
        if not self._followed:
            return
        for kind, session_id, working_dir, bot_id, at, data in several:
            try:
                body = _body(kind, session_id, at, data)
            except Exception as error:  # noqa: BLE001 - a row that another program wrote; nobody may miss it unawares
                log.warning("an event cannot be told (%s); who follows gets a reset", type(error).__name__)
                self.invalidate()
            else:
                self._append(Entry(kind, session_id, working_dir, bot_id, body))
        for wake in self._wakers.values():
            wake()

    def follow(self, who: object, wake: Callable[[], None]) -> None:
        """Call `wake` after every publication from now on."""
        self._followed = True
        self._wakers[who] = wake

    def unfollow(self, who: object) -> None:
        """Stop calling."""
        self._wakers.pop(who, None)

    def holds(self, number: int) -> bool:
        """Whether no event from that number on is missing."""
        return self._start <= number <= self.end

    def cursor(self, number: int) -> str:
        """The position before the event of that number, as clients hold it."""
        return f"{self._boot_id}-{number}"

    def position(self, cursor: str) -> int | None:
        """The number that the cursor stands for; None if it is not one of this life's."""
        boot_id, _, number = cursor.rpartition("-")
        if boot_id != self._boot_id or not _NUMBER.fullmatch(number):
            return None
        return int(number)

    def reset(self) -> bytes:
        """The body of the event that stands for those that are missing."""
        self.resets += 1
        return _body(RESET, None, timestamp(self._clock()), Nothing())

    def invalidate(self) -> None:
        """Keep none of what is kept: a reset for everyone."""
        self.entries.clear()
        self._bytes = 0
        self.end += 1
        self._start = self.end
        for wake in self._wakers.values():
            wake()

    def _append(self, entry: Entry) -> None:
        self.entries[self.end] = entry
        self.end += 1
        self._bytes += len(entry.body)
        while len(self.entries) > self._limits.event_backlog or self._bytes > self._limits.event_backlog_bytes:
            self._bytes -= len(self.entries.pop(self._start).body)
            self._start += 1


def _body(kind: str, session_id: str | None, at: str, data: Any) -> bytes:
    """The members of an event's params from `kind` on, with the brackets that close it and the LF."""
    return _encode({"kind": kind, "session_id": session_id, "at": at, "data": data})[1:] + b"}\n"


def line(subscription_id: str, cursor: str, body: bytes) -> bytes:
    """The whole notification."""
    head = f'{{"jsonrpc":"2.0","method":"event","params":{{"subscription_id":"{subscription_id}","cursor":"{cursor}",'
    return head.encode() + body


def matches(wanted: Filter, entry: Entry) -> bool:
    """Whether the filter lets the event through."""
    session_id, working_dir, bot_id, kinds = wanted
    return (
        (session_id is None or session_id == entry.session_id)
        and (working_dir is None or working_dir == entry.working_dir)
        and (bot_id is None or bot_id == entry.bot_id)
        and (kinds is None or entry.kind in kinds)
    )
