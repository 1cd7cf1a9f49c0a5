"""Hostile clients and a polite one, and the checks after the hostile ones have left."""

import select
import socket
import time
from contextlib import suppress
from typing import Self

from tests.support.counters import tried
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.usage import Usage, idle_usage, is_released, memory_bytes, usage
from tests.support.wire import Wire

MEBIBYTE = 2**20
SLACK_BYTES = 96 * MEBIBYTE
"""Bytes that may stay with the allocator after an attack; the leak of an attack is more."""

SESSION = "polite"

STUCK_SECONDS = 0.3
"""Seconds. If the daemon reads nothing for so long, it has stopped reading. If that is wrong, the test sends less."""


class Polite:
    """A client that waits for each response and records its time and the stored messages."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.answered: list[int] = []
        self.seconds: list[float] = []
        wire.call("session.create", id=SESSION)

    def append(self) -> None:
        """Append a message, which must succeed."""
        content = f"polite {len(self.answered)}"
        start = time.perf_counter()
        stored = self.wire.call("message.append", session_id=SESSION, role="user", content=content)
        self.seconds.append(time.perf_counter() - start)
        self.answered.append(stored["message_id"])

    def check(self) -> None:
        """Fail unless the session has exactly the answered messages."""
        held: list[int] = []
        more = True
        while more:
            page = self.wire.call("message.list", session_id=SESSION, after_id=held[-1] if held else 0, limit=10_000)
            held += [message["id"] for message in page["messages"]]
            more = page["has_more"]
        assert held == self.answered


class Attack:
    """The hostile clients of one daemon, and its resources before and after them."""

    def __init__(self, segued: Segued, polite: Polite) -> None:
        self.segued = segued
        self.polite = polite
        self._attackers: list[Wire] = []
        self._before = idle_usage(segued, polite.wire)
        self._memory = memory_bytes(segued)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def attacker(self) -> Wire:
        """Return a connection for a hostile client; it is closed at the end at the latest."""
        wire = Wire(self.segued.socket)
        self._attackers.append(wire)
        return wire

    def leave(self) -> None:
        """Close the connections of all hostile clients."""
        for wire in self._attackers:
            wire.close()
        self._attackers.clear()

    def check_freed(self) -> None:
        """Close all hostile clients, and fail unless the daemon frees every resource."""
        self.leave()
        now = [self._before]

        def is_as_before() -> bool:
            now[0] = self._usage()
            return is_released(now[0], self._before)

        wait_until(is_as_before, what=lambda: f"{now[0]} is not yet {self._before}")
        self.polite.append()
        self.polite.check()
        tried("attacks by hostile clients, beside a polite one")
        # The daemon returns the free pages of its heap every 30 s.
        wait_until(lambda: memory_bytes(self.segued) - self._memory < SLACK_BYTES, what=self._memory_kept)
        status = self.polite.wire.call("daemon.status")
        assert "internal" not in status["errors_by_kind"]

    def _memory_kept(self) -> str:
        kept = memory_bytes(self.segued) - self._memory
        return f"{kept / MEBIBYTE:.0f} MiB are not given back"

    def _usage(self) -> Usage:
        return usage(self.segued, self.polite.wire)


def warm_up(wire: Wire) -> None:
    """Allocate everything that the first use allocates, so that it does not count as a leak."""
    wire.call("session.create", id="warm")
    wire.call("message.append", session_id="warm", role="user", content="warm")
    wire.call("events.subscribe")
    wire.call("events.unsubscribe", subscription_id="1")
    wire.call("message.search", query="warm")
    wire.call("daemon.check", full=True)
    wire.respond("rpc.discover", {})


def send_until_stuck(wires: list[Wire], line: bytes, most: int) -> list[int]:
    """Send the line repeatedly on all connections until the daemon reads no more; return the bytes taken of each."""
    taken = [0] * len(wires)
    numbers = {wire.socket: number for number, wire in enumerate(wires)}
    while writable := select.select([], list(numbers), [], STUCK_SECONDS)[1]:
        for connection in writable:
            number = numbers[connection]
            with suppress(BlockingIOError):
                taken[number] += connection.send(line[taken[number] % len(line) :], socket.MSG_DONTWAIT)
            assert taken[number] < most, "the daemon reads without a limit"
    return taken


def request(number: int | str, method: str, params: str = "{}") -> bytes:
    """Return a request line."""
    return f'{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{params}}}\n'.encode()
