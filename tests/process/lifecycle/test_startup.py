"""A start and a stop leave only the database and the lock files."""

from contextlib import suppress

from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import Wire

EARLY = 100


def test_a_stopped_daemon_leaves_only_its_database(segued: Segued) -> None:
    segued.start()
    assert segued.connect().call("daemon.ping") == "pong"
    assert segued.stop() == 0
    assert sorted(path.name for path in segued.database.parent.iterdir()) == ["sessions.db", "sessions.db.lock"]
    assert not segued.socket.exists()


def test_requests_before_readiness_are_counted_and_do_not_delay_it(segued: Segued) -> None:
    early: list[Wire] = []

    def connected() -> bool:
        with suppress(OSError):
            early.append(segued.connect())
        return bool(early)

    segued.launch()
    wait_until(connected)
    for _ in range(EARLY):
        assert early[0].call("daemon.ping") == "pong"
    segued.wait_ready()
    assert EARLY <= early[0].call("daemon.status")["requests"] <= EARLY + 1
