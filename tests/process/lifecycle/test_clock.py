"""After clock jumps and suspend, sessions do not expire in masses, and the order is that of the IDs."""

import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from segue.timestamps import FORMAT
from tests.support.clock import DAY, HOUR
from tests.support.counters import ANSWERED, tried
from tests.support.process import Segued
from tests.support.system import fake_wall_clock
from tests.support.system.fake_wall_clock import WallClock
from tests.support.wire import TIMEOUT_SECONDS, Wire

JUMPS = [DAY, -DAY, 400 * DAY, -HOUR, 27_000 * DAY, -400 * DAY, 0]
"""Jumps of the wall clock; 27 000 days from now is the year 2100."""

CLIENTS = 4
APPENDS = 20
"""Appends of each client between two jumps."""


@pytest.fixture
def clock(segued: Segued) -> WallClock:
    clock = WallClock(segued.folder / "clock")
    segued.program = [sys.executable, "-I", str(Path(fake_wall_clock.__file__)), str(clock.path)]
    return clock


def append(wire: Wire, session: str) -> Any:
    stored = wire.call("message.append", session_id=session, role="user", content="x")
    assert FORMAT.fullmatch(stored["created_at"])
    return stored


def now(wire: Wire) -> str:
    """Return the daemon's time, from a session that it creates."""
    return str(wire.call("session.create")["created_at"])


def test_clock_jumps_under_load_lose_nothing_and_keep_the_order(segued: Segued, clock: WallClock) -> None:
    segued.start()
    ids: list[list[int]] = [[] for _ in range(CLIENTS)]
    goal = threading.Semaphore(0)

    def work(number: int) -> None:
        with Wire(segued.socket) as wire:
            wire.call("session.create", id=f"s{number}")
            for _ in range((len(JUMPS) + 1) * APPENDS):
                ids[number].append(append(wire, f"s{number}")["message_id"])
                goal.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for jump in JUMPS:
        for _ in range(APPENDS * CLIENTS):
            assert goal.acquire(timeout=TIMEOUT_SECONDS)
        clock.set(jump)
        tried("jumps of the wall clock under load")
    for thread in threads:
        thread.join()
    with segued.connect() as wire:
        assert now(wire)[:4] == time.strftime("%Y", time.gmtime())
        for number in range(CLIENTS):
            listed = wire.call("message.list", session_id=f"s{number}", limit=10_000)["messages"]
            assert [message["id"] for message in listed] == ids[number] == sorted(ids[number])
            assert len({message["created_at"][:4] for message in listed}) > 1
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        assert wire.call("daemon.status")["uptime_s"] < DAY // 1000
    tried(ANSWERED, sum(map(len, ids)))


def test_starts_in_a_wrong_year_delete_no_sessions_in_masses(segued: Segued, clock: WallClock) -> None:
    segued.start()
    with segued.connect() as wire:
        for number in range(50):
            wire.call("session.create", id=f"s{number}")
    segued.stop()
    clock.set(27_000 * DAY)
    for _ in range(4):
        segued.start()
        with segued.connect() as wire:
            assert wire.call("session.list")["total"] == 50
            waiting = wire.call("daemon.status")["cleanup"]["waiting"]
        segued.stop()
    assert waiting == 50
    assert any("it waits for segue cleanup" in line for line in segued.log)


@pytest.mark.parametrize(("asleep", "reason"), [(HOUR, "recent"), (8 * HOUR, "expired"), (-DAY, "recent")])
def test_a_daemon_uses_the_wall_clock_after_suspend(
    segued: Segued, clock: WallClock, sleep_seconds: float, asleep: int, reason: str
) -> None:
    """A suspended machine stops its processes and its monotonic clock."""
    segued.start()
    assert segued.process is not None
    wire, other = segued.connect(), segued.connect()
    first = wire.call("message.append", working_dir="/x", role="user", content="before")
    wire.call("session.attach", session_id=first["session_id"])
    other.call("events.subscribe", kinds=["message.appended"])
    wire.call("extraction.enqueue", session_id=first["session_id"])
    assert len(wire.call("extraction.claim", lease_seconds=2 * HOUR // 1000)["extractions"]) == 1
    segued.process.send_signal(signal.SIGSTOP)
    clock.set(asleep)
    other.post("daemon.ping")
    time.sleep(sleep_seconds)
    segued.process.send_signal(signal.SIGCONT)
    assert other.answer()["result"] == "pong"
    found = wire.call("session.resolve", working_dir="/x", create=False)
    assert found["reason"] == reason
    assert len(wire.call("extraction.claim")["extractions"]) == (asleep > 2 * HOUR)
    stored = append(wire, first["session_id"])
    assert stored["message_id"] > first["message_id"]
    assert other.event()["data"]["id"] == stored["message_id"]
    assert wire.call("session.get", session_id=first["session_id"])["status"] == "active"
    assert wire.call("daemon.status")["cleanup"]["last_result"] is None
    assert not [line for line in segued.log if re.search(" (ERROR|CRITICAL) ", line)]
