"""Subscribers that never read or are killed delay no other client."""

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.counters import measured
from tests.support.process import Segued
from tests.support.wire import Wire

APPENDS = 20_000
WRITERS = 20
READERS = 8
LAG = 8000
"""Appends ahead of the slowest reader: fewer than the 10 000 events that the log holds."""

GROWTH_KB = 64 * 1024
"""KiB: 10 000 events of 400 bytes are 4 MiB in the log and 4 MiB in transit; the rest is slack."""


class Reader(threading.Thread):
    """A subscriber that records the messages of its events."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.seen: list[int] = []
        self.kinds: set[str] = set()

    def run(self) -> None:
        while len(self.seen) < APPENDS:
            event = json.loads(self.wire.line() or b"null")["params"]
            self.kinds.add(event["kind"])
            self.seen.append(event["data"].get("id"))


def append_all(segued: Segued, session: str, has_time: Callable[[int], bool]) -> tuple[list[int], float]:
    """Append over several connections; return the message IDs and the appends per second."""
    wires = [segued.connect() for _ in range(WRITERS)]
    ids: list[int] = []
    start = time.perf_counter()
    while len(ids) < APPENDS:
        if not has_time(len(ids)):
            time.sleep(0.001)
            continue
        for wire in wires:
            wire.post("message.append", session_id=session, role="assistant", content="x" * 100)
        ids += [wire.answer()["result"]["message_id"] for wire in wires]
    return ids, APPENDS / (time.perf_counter() - start)


def resident_kb(segued: Segued) -> int:
    assert segued.process is not None
    status = Path(f"/proc/{segued.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_a_subscriber_that_never_reads_delays_no_other(segued: Segued) -> None:
    segued.start()
    wire = segued.connect()
    session = wire.call("session.create")["id"]
    _, alone = append_all(segued, session, lambda sent: True)
    before = resident_kb(segued)
    stuck, *others = (segued.connect() for _ in range(READERS + 1))
    for follower in (stuck, *others):
        follower.call("events.subscribe")
    readers = [Reader(follower) for follower in others]
    for reader in readers:
        reader.start()
    ids, followed = append_all(segued, session, lambda sent: sent - min(len(one.seen) for one in readers) < LAG)
    for reader in readers:
        reader.join()
    assert [reader.kinds for reader in readers] == [{"message.appended"}] * READERS
    assert [reader.seen == sorted(ids) for reader in readers] == [True] * READERS
    growth = resident_kb(segued) - before
    measured(f"{alone:.0f} appends/s alone, {followed:.0f} with {READERS} readers; grew {growth} KiB")
    assert growth < GROWTH_KB
    told = [event["kind"] for event in iter_until_reset(stuck)]
    assert set(told[:-1]) == {"message.appended"}
    assert 0 < len(told) < APPENDS


def iter_until_reset(wire: Wire) -> Iterator[Any]:
    """Yield the events up to and including the reset."""
    while (event := wire.event())["kind"] != "reset":
        yield event
    yield event


@pytest.mark.parametrize(("seed", "kept"), [(1, 10_000), (2, 10_000), (3, 200), (4, 20)])
def test_a_killed_subscriber_continues_at_its_cursor(segued: Segued, seed: int, kept: int) -> None:
    segued.config.write_text(f"[limits]\nevent_backlog = {kept}\n")
    segued.start()
    chance = random.Random(seed)
    wire = segued.connect()
    session = wire.call("session.create")["id"]
    memory = Memory(wire, session, wire.call("events.subscribe", kinds=[])["cursor"])
    with appending(segued, session) as appended:
        while not memory.is_complete:
            with Wire(segued.socket) as follower:  # Closed without notice, as by a killed process.
                follower.post("events.subscribe", cursor=memory.cursor, session_id=session)
                for _ in range(chance.randrange(80)):
                    memory.take(next_event(follower))
                    if memory.is_complete:
                        break
    assert memory.seen == appended.result()
    assert not memory.resets or kept < 10_000


class Memory:
    """The state of a subscriber between two connections."""

    def __init__(self, wire: Wire, session: str, cursor: str) -> None:
        self.wire = wire
        self.session = session
        self.cursor = cursor
        self.seen: list[int] = []
        self.resets = 0
        self.is_complete = False
        self._listed = 0

    def take(self, event: Any) -> None:
        """Record the event; fail if it is a duplicate, except after a reset."""
        self.cursor = event["cursor"]
        if event["kind"] == "reset":
            self.resets += 1
            after_id = self.seen[-1] if self.seen else 0
            page = self.wire.call("message.list", session_id=self.session, after_id=after_id, limit=10_000)
            for message in page["messages"]:
                self._note(message)
            self._listed = self.seen[-1] if self.seen else 0
        elif event["data"]["id"] > self._listed:
            self._note(event["data"])

    def _note(self, message: Any) -> None:
        assert not self.seen or message["id"] > self.seen[-1]
        self.seen.append(message["id"])
        self.is_complete = message["content"] == "last"


def next_event(wire: Wire) -> Any:
    """Return the next event; skip the response to subscribe."""
    line = json.loads(wire.line() or b"null")
    return line["params"] if "method" in line else next_event(wire)


@contextmanager
def appending(segued: Segued, session: str) -> Iterator[Future[list[int]]]:
    """Append some 2000 messages in bursts, the last one with the content `last`; yield their IDs as a future."""

    def run() -> list[int]:
        with Wire(segued.socket) as wire:
            ids: list[int] = []
            for contents in (*([["x"] * 20] * 100), ["last"]):
                for content in contents:
                    wire.post("message.append", session_id=session, role="assistant", content=content)
                ids += [wire.answer()["result"]["message_id"] for _ in contents]
            return ids

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)
