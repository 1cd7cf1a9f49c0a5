"""The program `segued`: options, signals, and the files of a start and a stop."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_imports_stops_the_daemon_cleanly(segued: Segued, number: signal.Signals) -> None:
    status = Path(f"/proc/{segued.launch().pid}/status")
    wait_until(lambda: number in caught(status))
    assert segued.signal(number) == 0
    assert not segued.socket.exists()


def caught(status: Path) -> set[int]:
    [line] = [line for line in status.read_text().splitlines() if line.startswith("SigCgt:")]
    mask = int(line.split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_a_temporary_socket_of_a_killed_daemon_is_removed_by_the_next(segued: Segued) -> None:
    segued.start()
    segued.kill()
    leftover = segued.socket.with_name("segued.soc~")
    segued.socket.rename(leftover)
    [record] = [path for path in segued.database.parent.iterdir() if path.name == "daemon.json"]
    segued.start()
    assert not leftover.exists()
    assert record.exists()


def test_the_short_option_h_prints_the_help(segued: Segued) -> None:
    done = subprocess.run([*segued.program, "-h"], capture_output=True, text=True, env=segued.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--database" in done.stdout


def test_the_holder_of_the_database_is_named_by_its_pid(segued: Segued) -> None:
    segued.start()
    code, [line] = segued.fail()
    assert (code, f"(pid {segued.pid})" in line) == (3, True)


def test_the_module_serves_as_the_program_does(segued: Segued) -> None:
    segued.program = [sys.executable, "-P", "-m", "segue.server"]
    segued.start()
    with Wire(segued.socket) as wire:
        assert wire.call("daemon.ping") == "pong"
