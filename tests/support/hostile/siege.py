"""Hostile clients around one daemon, a polite one among them, and what must be true once they are gone."""

import select
import socket
import time
from contextlib import suppress
from typing import Self

from tests.support.counters import tried
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.usage import Usage, memory_bytes, usage
from tests.support.wire import Wire

MEBIBYTE = 2**20
SLACK_BYTES = 96 * MEBIBYTE
"""Memory that may stay with the allocator after an attack, however much it took; a leak of an attack is more."""

SESSION = "polite"

STUCK_SECONDS = 0.3
"""One whose bytes are not taken for so long is not read from; if that is an error, a test sends less than it could."""


class Polite:
    """One who asks, waits for the answer, and notes how long that took and what must be there at the end."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.answered: list[int] = []
        self.seconds: list[float] = []
        wire.call("session.create", id=SESSION)

    def append(self) -> None:
        """One message, which must be stored."""
        content = f"polite {len(self.answered)}"
        start = time.perf_counter()
        stored = self.wire.call("message.append", session_id=SESSION, role="user", content=content)
        self.seconds.append(time.perf_counter() - start)
        self.answered.append(stored["message_id"])

    def check(self) -> None:
        """Fail unless the session holds what was answered, and nothing else."""
        held: list[int] = []
        more = True
        while more:
            page = self.wire.call("message.list", session_id=SESSION, after_id=held[-1] if held else 0, limit=10_000)
            held += [message["id"] for message in page["messages"]]
            more = page["has_more"]
        assert held == self.answered


class Siege:
    """A daemon at rest, everyone who comes to it, and the rest after them."""

    def __init__(self, segued: Segued, polite: Polite) -> None:
        self.segued = segued
        self.polite = polite
        self._attackers: list[Wire] = []
        self._before = self._at_rest()
        self._memory = memory_bytes(segued)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def attacker(self) -> Wire:
        """A connection of somebody who means no good; closed at the end at the latest."""
        wire = Wire(self.segued.socket)
        self._attackers.append(wire)
        return wire

    def leave(self) -> None:
        """All attackers go."""
        for wire in self._attackers:
            wire.close()
        self._attackers.clear()

    def check_peace(self) -> None:
        """Let everyone go, and fail unless everything goes back to what it was."""
        self.leave()
        now = [self._before]

        def is_as_before() -> bool:
            now[0] = self._usage()
            return now[0] == self._before

        wait_until(is_as_before, what=lambda: f"{now[0]} is not yet {self._before}")
        self.polite.append()
        self.polite.check()
        tried("attacks by hostile clients, beside a polite one")
        assert memory_bytes(self.segued) - self._memory < SLACK_BYTES
        status = self.polite.wire.call("daemon.status")
        assert "internal" not in status["errors_by_kind"]

    def _at_rest(self) -> Usage:
        """What is held when nothing is left to do: the same in three looks, for a file may just be open."""
        looks = [self._usage() for _ in range(3)]

        def is_steady() -> bool:
            looks[:] = [*looks[1:], self._usage()]
            return looks[0] == looks[1] == looks[2]

        wait_until(is_steady)
        return looks[0]

    def _usage(self) -> Usage:
        return usage(self.segued, self.polite.wire)


def warm_up(wire: Wire) -> None:
    """Use what is made at its first use, so that it is no trace of what follows."""
    wire.call("session.create", id="warm")
    wire.call("message.append", session_id="warm", role="user", content="warm")
    wire.call("events.subscribe")
    wire.call("events.unsubscribe", subscription_id="1")
    wire.call("message.search", query="warm")
    wire.call("daemon.check", full=True)
    wire.respond("rpc.discover", {})


def send_until_stuck(wires: list[Wire], line: bytes, most: int) -> list[int]:
    """Send the line again and again to all, without reading, until no one's is taken; bytes taken of each."""
    taken = [0] * len(wires)
    numbers = {wire.socket: number for number, wire in enumerate(wires)}
    while writable := select.select([], list(numbers), [], STUCK_SECONDS)[1]:
        for connection in writable:
            number = numbers[connection]
            with suppress(BlockingIOError):
                taken[number] += connection.send(line[taken[number] % len(line) :], socket.MSG_DONTWAIT)
            assert taken[number] < most, "the daemon takes whatever it is sent"
    return taken


def request(number: int | str, method: str, params: str = "{}") -> bytes:
    """A line as anybody could write it by hand."""
    return f'{{"jsonrpc":"2.0","id":{number},"method":"{method}","params":{params}}}\n'.encode()
