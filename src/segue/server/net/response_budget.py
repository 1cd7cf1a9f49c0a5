"""The memory that unsent large responses of all connections may occupy together.

A client that requests a large page and does not read it would otherwise keep the page in the daemon's memory.

1. A request runs without a reservation, because nearly all responses are small.
2. If its response is large, the connection reserves the length until the client has read it.
3. If the budget is exhausted, the connection drops the response and waits for a reservation of its length. Then it
   runs the request again. This needs requests that only read.
4. While connections wait, the one whose client has not read for the longest time is closed, if that time exceeds
   UNREAD_SECONDS.

Small responses need no reservation, so that unread pages never delay other requests. Requests of pages run a few at a
time, so that one with a reservation does not queue behind hundreds that will be dropped.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import anyio
import msgspec

LARGE_BYTES = 256 * 1024
"""Bytes: a longer response needs a reservation. 512 clients with shorter ones take 128 MiB."""

BUDGET_BYTES = 96 * 1024 * 1024
"""Bytes that unsent large responses occupy together: six pages of the default `limits.answer_bytes`."""

UNREAD_SECONDS = 30.0
"""Seconds: how long a client may leave a large response unread while other connections wait for the budget."""

CHECK_SECONDS = 1.0
"""Seconds between two checks for unread responses while connections wait."""

PAGE_SLOTS = 4
"""Requests of pages that run concurrently without a reservation: enough to keep both readers of the store busy."""

PAGE_METHODS = (b"message.list", b"session.export")
"""Methods whose pages are often large. They need a page slot."""

MAX_PAGE_REQUEST_BYTES = 4096
"""Bytes: longer lines are not searched for PAGE_METHODS. A request of a page is short."""

REPEATABLE = frozenset(
    {"bot.get", "bot.list", "context.build", "extraction.list", "memory.get", "memory.list", "message.get"}
    | {"message.list", "message.search", "rpc.discover", "session.export", "session.get", "session.list"}
    | {"summary.latest"}
)
"""Methods with large results that only read, so that they can run again."""


class Holder(Protocol):
    """A connection with a large unsent response."""

    def unread_since(self) -> float:
        """Return the monotonic time at which the client last read."""

    def abort(self) -> None:
        """Close the connection."""


class Reservation(NamedTuple):
    """Reserved bytes, and since when."""

    size: int
    since: float


class Waiter(NamedTuple):
    """A connection that waits for a reservation."""

    holder: Holder
    size: int
    granted: anyio.Event


class ResponseBudget:
    """Reservations for unsent large responses, granted in order."""

    def __init__(self, total: int, monotonic: Callable[[], float]) -> None:
        self._total = total
        self._monotonic = monotonic
        self._held: dict[Holder, Reservation] = {}
        self.page_slots = anyio.Semaphore(PAGE_SLOTS, fast_acquire=True)
        self._waiting: deque[Waiter] = deque()

    def try_reserve(self, holder: Holder, size: int) -> bool:
        """Reserve `size` bytes instead of what the holder has reserved; return False if they do not fit."""
        self._held.pop(holder, None)
        fits = self._fits(size)
        if fits:
            self._hold(holder, size)
        else:
            self._grant()
        return fits

    def reserve_over_budget(self, holder: Holder, size: int) -> None:
        """Reserve `size` bytes even if they do not fit, for the response of a request that cannot run again."""
        self._hold(holder, size)

    async def reserve(self, holder: Holder, size: int) -> None:
        """Reserve `size` bytes, and wait until they fit."""
        waiter = Waiter(holder, size, anyio.Event())
        self._waiting.append(waiter)
        try:
            while not waiter.granted.is_set():
                self._grant()
                with anyio.move_on_after(CHECK_SECONDS):
                    await waiter.granted.wait()
                    return
                self._abort_unread()
        except BaseException:
            self._waiting = deque(other for other in self._waiting if other is not waiter)
            self.release(holder)
            raise

    def release(self, holder: Holder) -> None:
        """Release what the holder has reserved."""
        if self._held.pop(holder, None) is not None:
            self._grant()

    def _hold(self, holder: Holder, size: int) -> None:
        self._held[holder] = Reservation(size, self._monotonic())

    def _fits(self, size: int) -> bool:
        return not self._held or sum(held.size for held in self._held.values()) + size <= self._total

    def _grant(self) -> None:
        while self._waiting and self._fits(self._waiting[0].size):
            waiter = self._waiting.popleft()
            self._hold(waiter.holder, waiter.size)
            waiter.granted.set()

    def _abort_unread(self) -> None:
        since = {holder: max(held.since, holder.unread_since()) for holder, held in self._held.items()}
        slowest = min(since, key=lambda holder: since[holder], default=None)
        if slowest is not None and self._monotonic() - since[slowest] > UNREAD_SECONDS:
            slowest.abort()


def needs_page_slot(line: bytes) -> bool:
    """Return True if the line names one of PAGE_METHODS; a mistake costs time only."""
    return len(line) <= MAX_PAGE_REQUEST_BYTES and any(name in line for name in PAGE_METHODS)


class _Call(msgspec.Struct):
    method: str


_decode_calls = msgspec.json.Decoder(_Call | list[_Call]).decode


def count_repeatable(line: bytes) -> int:
    """Return the number of requests in the line if all of them can run again, else 0."""
    try:
        found = _decode_calls(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    calls = found if isinstance(found, list) else [found]
    return len(calls) if all(call.method in REPEATABLE for call in calls) else 0
