"""The exit after `idle_exit_minutes`."""

from types import SimpleNamespace

import pytest

from segue.config import Config, DaemonConfig
from tests.support.clock import HandClock
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.process import Segued


def test_an_idle_daemon_exits_after_idle_exit_minutes(segued: Segued) -> None:
    segued.config.write_text("[daemon]\nidle_exit_minutes = 0.002\n")
    segued.start()
    assert segued.wait() == 0


class TestIdleness:
    """With a manual clock: each request restarts the idle time."""

    @pytest.fixture
    def config(self) -> Config:
        return Config(daemon=DaemonConfig(idle_exit_minutes=0.002))

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
        """Replace the monotonic clock by one that counts its reads."""
        time = SimpleNamespace(now=1000.0, looks=0)

        def monotonic(clock: HandClock) -> float:
            time.looks += 1
            return float(time.now)

        monkeypatch.setattr(HandClock, "monotonic", monotonic)
        return time

    def look_twice(self, time: SimpleNamespace, server: Server) -> None:
        """Return when the daemon has checked for idleness twice, or has exited."""
        before = time.looks
        wait_until(lambda: time.looks > before + 1 or server.has_left())

    def test_requests_keep_the_daemon_alive(self, time: SimpleNamespace, server: Server) -> None:
        wire = server.connect()
        for _ in range(5):
            time.now += 0.1
            assert wire.call("daemon.ping") == "pong"
            self.look_twice(time, server)
        assert not server.has_left()
        time.now += 0.1
        self.look_twice(time, server)
        assert not server.has_left()
        time.now += 0.1
        wait_until(server.has_left)
        assert wire.line() is None
