"""A fork and a deletion of 100 000 messages: other clients keep appending meanwhile."""

import threading
import time

import pytest

from tests.support.counters import measured
from tests.support.process import Segued
from tests.support.wire import Wire

MESSAGES = 100_000
LONGEST_MS = 50
"""Milliseconds: the bound of the issue on a quiet machine. The test allows LOAD times as much."""

LOAD = 6


def fill(wire: Wire) -> None:
    wire.call("bot.create", bot_id="b")
    for session in ("s", "t"):
        wire.call("session.create", id=session, bot_id="b", working_dir="/w")
    rows = [{"role": "user", "content": "word " * 20}] * 1000
    for _ in range(MESSAGES // 1000):
        wire.call("message.append_many", session_id="s", messages=rows)


class Appender(threading.Thread):
    """A client that appends until it is stopped, and records how long each append takes."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self.stopped = threading.Event()
        self._wire = wire

    def run(self) -> None:
        while not self.stopped.is_set():
            start = time.perf_counter()
            self._wire.call("message.append", session_id="other", role="user", content="x")
            self.seconds.append(time.perf_counter() - start)
            time.sleep(0.002)


@pytest.fixture
def filled(segued: Segued) -> Segued:
    """Return a daemon with a session of MESSAGES messages."""
    wire = segued.start().connect()
    wire.call("session.create", id="other")
    fill(wire)
    return segued


@pytest.mark.parametrize(("method", "params"), [("session.fork", {"session_id": "s"}), ("bot.delete", {"bot_id": "b"})])
def test_a_long_write_delays_appends_by_a_bounded_time(filled: Segued, method: str, params: dict[str, str]) -> None:
    appender = Appender(filled.connect())
    with filled.connect() as wire:
        appender.start()
        time.sleep(0.2)
        start = time.perf_counter()
        wire.call(method, **params)
        seconds = time.perf_counter() - start
        appender.stopped.set()
        appender.join()
        longest = 1000 * max(appender.seconds)
        measured(f"{method} of {MESSAGES} messages in {seconds:.1f} s, longest append of others {longest:.0f} ms")
        assert longest < LOAD * LONGEST_MS
        assert wire.call("message.count", session_id="other")["count"] == len(appender.seconds)


def test_a_killed_daemon_leaves_no_part_of_a_fork(filled: Segued) -> None:
    filled.connect().post("session.fork", session_id="s")
    time.sleep(0.3)
    filled.kill()
    wire = filled.start().connect()
    assert wire.call("session.list")["total"] == 3
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
