"""A fork of 100 000 messages: other clients keep appending meanwhile."""

import threading
import time

import pytest

from tests.support.counters import measured
from tests.support.deadline import seconds_of, wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

MESSAGES = 100_000
LEAST_BESIDE = 20
"""Appends that others make during a fork at least. It has 200 slices; beside one transaction there would be two."""


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


def test_other_clients_append_during_a_fork(filled: Segued) -> None:
    appender = Appender(filled.connect())
    with filled.connect() as wire:
        appender.start()
        try:
            wait_until(lambda: bool(appender.seconds))
            before = len(appender.seconds)
            seconds = seconds_of(lambda: wire.call("session.fork", session_id="s"))
            beside = len(appender.seconds) - before
        finally:
            appender.stopped.set()
            appender.join(TIMEOUT_SECONDS)
        longest = 1000 * max(appender.seconds)
        measured(f"session.fork of {MESSAGES} messages in {seconds:.1f} s, longest append of others {longest:.0f} ms")
        assert beside >= LEAST_BESIDE
        assert wire.call("message.count", session_id="other")["count"] == len(appender.seconds)


def test_a_killed_daemon_leaves_no_part_of_a_fork(filled: Segued) -> None:
    filled.connect().post("session.fork", session_id="s")
    time.sleep(0.3)
    filled.kill()
    wire = filled.start().connect()
    assert wire.call("session.list")["total"] == 3
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
