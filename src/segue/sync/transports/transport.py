"""The five verbs of a hub: push, heads, pull, get, replace. A hub stores sealed batches and cannot read them.

A batch is named by (account, machine, number). The machine that writes it gives the numbers: 1, 2, 3 … without a gap.
The account and its secret are derived from the key, so a transport is opened for one account and never sees another.
"""

from collections.abc import AsyncIterator, Mapping
from enum import Enum
from typing import NamedTuple, Protocol


class TransportError(Exception):
    """The hub could not be used. `retry` tells whether the same call may succeed later (network, server, disk full)."""

    def __init__(self, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


class Batch(NamedTuple):
    """A sealed batch as the hub stores it."""

    machine: str
    """The uid of the machine that wrote it: 32 hexadecimal digits."""
    number: int
    """From 1."""
    token: bytes
    """16 random bytes of one attempt to write: the same token is the same attempt, whose answer was lost."""
    body: bytes
    """The sealed bytes, at most 16 MiB."""


class Pushed(Enum):
    """The outcome of a push."""

    STORED = "stored"
    """The batch is durable at the hub, by this call or by an earlier attempt with the same token."""
    TAKEN = "taken"
    """Another batch has the number: a copy writes as this machine, or an old database was restored."""
    GAP = "gap"
    """The hub has no batch with the number before: it was lost or restored from an old backup."""


class Transport(Protocol):
    """One account at one hub.

    Every method raises TransportError. Cancellation is safe: what was cancelled may or may not have happened.
    """

    async def push(self, batch: Batch) -> Pushed:
        """Store a new batch durably."""

    async def heads(self) -> Mapping[str, int]:
        """Return the newest number of each machine that has written, by the uid of the machine."""

    def pull(self, machine: str, after: int) -> AsyncIterator[Batch]:
        """Yield the machine's batches with a larger number, in order and without a gap.

        A hub whose files arrive in any order ends at the first gap.
        """

    async def get(self, machine: str, number: int) -> Batch | None:
        """Return one batch, or None if the hub does not have it."""

    async def replace(self, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch whose token is `old_token`; nothing of the old body stays. Return False if it differs.

        A folder lets only the machine that wrote a batch replace it, because two writers of one file make conflicts
        there; for another machine's batch it returns False.
        """

    async def now(self) -> int | None:
        """Return the hub's clock in ms since 1970, or None if it has none of its own (a folder)."""

    async def wait(self, seconds: float) -> None:
        """Return when the hub may have something new, at the latest after the given time.

        A hub that cannot tell sleeps.
        """

    async def erase(self) -> None:
        """Delete the whole account from the hub."""

    async def retire(self, last: Batch) -> None:
        """Store a last batch, the first of its machine, and delete all others; the account is never without both."""

    async def close(self) -> None:
        """Give the connection back. The transport is not used afterwards."""
