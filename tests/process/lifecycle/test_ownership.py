"""One daemon per database and per socket, and the restoration of a removed socket or record."""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from segue.server import daemon
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

TOGETHER = 20


def escape_line(outcome: tuple[int, list[str]]) -> int:
    """Return the exit status of a failed start, which printed one line."""
    code, lines = outcome
    assert len(lines) == 1, lines
    assert lines[0].startswith("segued: ")
    return code


def test_a_second_daemon_on_the_same_database_exits_3(segued: Segued) -> None:
    segued.start()
    assert escape_line(segued.fail("--socket", str(segued.socket.with_name("other.sock")))) == 3
    assert segued.connect().call("daemon.ping") == "pong"
    assert sorted(path.name for path in segued.socket.parent.iterdir()) == ["segued.sock", "segued.sock.lock"]


def test_a_second_daemon_on_the_same_socket_exits_3_whatever_its_database(segued: Segued, tmp_path: Path) -> None:
    segued.start()
    assert escape_line(segued.fail("--database", str(tmp_path / "other" / "sessions.db"))) == 3
    assert segued.connect().call("daemon.status")["database"]["path"] == str(segued.database)


def test_a_second_daemon_detects_the_database_under_another_name(segued: Segued, tmp_path: Path) -> None:
    segued.start()
    (tmp_path / "link").symlink_to(segued.database.parent)
    other = tmp_path / "elsewhere" / "segued.sock"
    assert escape_line(segued.fail("--database", str(tmp_path / "link" / "sessions.db"), "--socket", str(other))) == 3


def test_another_program_at_the_socket_is_not_replaced(segued: Segued) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(segued.socket))
        segued.socket.chmod(0o600)
        other.listen()
        before = segued.socket.stat().st_ino
        assert escape_line(segued.fail()) == 3
        assert segued.socket.stat().st_ino == before
    segued.socket.unlink()


def test_another_program_with_a_full_queue_is_not_replaced(segued: Segued) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(segued.socket))
        segued.socket.chmod(0o600)
        other.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first:
            first.connect(str(segued.socket))
            assert escape_line(segued.fail()) == 3
    segued.socket.unlink()


def test_a_daemon_starts_immediately_after_another_was_killed(segued: Segued) -> None:
    for _ in range(3):
        segued.start()
        assert segued.connect().call("daemon.ping") == "pong"
        assert segued.kill() == -signal.SIGKILL
        assert segued.socket.is_socket()
        assert segued.record.exists()
    assert segued.start().connect().call("daemon.ping") == "pong"


def test_a_suspended_daemon_keeps_its_lock(segued: Segued) -> None:
    segued.start()
    os.kill(segued.pid, signal.SIGSTOP)
    try:
        assert escape_line(segued.fail()) == 3
        other = segued.folder / "other" / "segued.sock"
        assert escape_line(segued.fail("--socket", str(other))) == 3
    finally:
        os.kill(segued.pid, signal.SIGCONT)
    assert segued.connect().call("daemon.ping") == "pong"


def test_exactly_one_of_many_concurrent_starts_serves(segued: Segued) -> None:
    crowd = [segued, *(Segued(segued.folder) for _ in range(TOGETHER - 1))]
    processes = [one.launch() for one in crowd]
    wait_until(lambda: sum(process.poll() is None for process in processes) == 1)
    winner = next(one for one, process in zip(crowd, processes, strict=True) if process.poll() is None)
    winner.wait_ready()
    losers = [one for one in crowd if one is not winner]
    assert [(one.wait(), len(one.log)) for one in losers] == [(3, 1)] * len(losers), [one.log for one in losers]
    with Wire(segued.socket) as wire:
        assert wire.call("daemon.status")["pid"] == winner.pid
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert winner.stop() == 0
    winner.check_log()


def test_a_start_during_a_drain_exits_3_and_succeeds_after_it(segued: Segued) -> None:
    segued.start()
    with Wire(segued.socket) as deaf:
        fill(deaf)
        os.kill(segued.pid, signal.SIGTERM)
        wait_until(lambda: not segued.socket.exists())
        os.kill(segued.pid, signal.SIGSTOP)  # On a busy machine a start may take longer than the drain.
        assert escape_line(segued.fail()) == 3
        assert segued.kill() == -signal.SIGKILL
    assert segued.start().connect().call("daemon.ping") == "pong"


def fill(deaf: Wire) -> None:
    """Send requests without reading a response until both socket buffers are full."""
    deaf.socket.settimeout(0.2)
    line = b'{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}\n' * 20
    with suppress(TimeoutError):
        while True:
            deaf.send(line)


def test_a_removed_socket_and_record_are_restored(segued: Segued) -> None:
    segued.start()
    with Wire(segued.socket) as old:
        assert old.call("daemon.ping") == "pong"
        record = segued.record
        told = record.read_bytes()
        segued.socket.unlink()
        record.unlink()
        wait_until(lambda: segued.socket.exists() and record.exists())
        assert record.read_bytes() == told
        assert old.call("daemon.ping") == "pong"
        assert segued.connect().call("daemon.ping") == "pong"


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch, server: Server) -> Server:
    """Run a server that checks its socket 100 times per second and drains without a time limit."""
    monkeypatch.setattr(daemon, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr(daemon, "DRAIN_SECONDS", 1000)
    server.restart()
    return server


def test_a_removed_runtime_directory_is_restored(watchful: Server) -> None:
    old = watchful.connect()
    assert old.call("daemon.ping") == "pong"
    for path in watchful.socket.parent.iterdir():
        path.unlink()
    watchful.socket.parent.rmdir()
    wait_until(watchful.socket.exists)
    assert watchful.socket.parent.stat().st_mode & 0o777 == 0o700
    assert watchful.socket.stat().st_mode & 0o777 == 0o600
    assert watchful.connect().call("daemon.ping") == "pong"
    assert old.call("daemon.ping") == "pong"


def test_a_socket_is_restored_every_time_it_is_removed(watchful: Server) -> None:
    for _ in range(20):
        watchful.socket.unlink()
        wait_until(watchful.socket.exists)
        assert watchful.connect().call("daemon.ping") == "pong"
    assert watchful.connect().call("daemon.status")["clients"] == 21


def test_clients_of_a_restored_socket_are_drained_too(watchful: Server) -> None:
    before = watchful.connect()
    # Created first, so that they do not take the descriptor numbers that the old listener frees.
    after = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(5)]
    watchful.socket.unlink()
    wait_until(watchful.socket.exists)
    assert before.call("daemon.ping") == "pong"
    for one in after:
        one.settimeout(TIMEOUT_SECONDS)
        one.connect(str(watchful.socket))
    wait_until(lambda: before.call("daemon.status")["clients"] == 6)
    watchful.begin_stop()
    assert before.line() is None
    for one in after:
        with one:
            assert one.recv(1) == b""


def test_a_damaged_record_is_repaired(watchful: Server) -> None:
    record = watchful.paths.record
    told = record.read_bytes()
    for spoilt in (b"", b"{", b"[]", b"\xff", told.replace(b'"pid"', b'"dip"')):
        record.write_bytes(spoilt)
        wait_until(lambda: record.read_bytes() == told)
    assert [path.name for path in watchful.database.parent.glob(".*")] == []


def test_a_daemon_exits_if_another_program_replaces_its_socket(segued: Segued) -> None:
    segued.allowed_errors = ["replaced by another program"]
    segued.start()
    idle = segued.connect()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(segued.socket.with_name("new")))
        segued.socket.with_name("new").chmod(0o600)
        other.listen()
        segued.socket.with_name("new").rename(segued.socket)
        before = segued.socket.stat().st_ino
        assert segued.wait() == 0
        assert idle.line() is None
        assert segued.socket.stat().st_ino == before
        assert not segued.record.exists()
