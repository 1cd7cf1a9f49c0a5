"""The Python clients start segued as `segue` does."""

import os
import signal
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.client import AsyncClient, Client, NotStarted, TimedOut, Unreachable
from segue.config import Config
from segue.paths import Paths
from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.background import Background, serving, unattended


@pytest.fixture
def paths(segued: Segued) -> Paths:
    return Paths(Config(), segued.config, segued.database, segued.socket, socket_explicit=True, database_explicit=True)


@pytest.fixture
def background(segued: Segued, unserved: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """Yield the daemon that the clients of this process start, in a home directory of the test."""
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(segued.folder))
    monkeypatch.delenv("SEGUE_NO_AUTOSTART")
    with unattended(segued, unserved) as (_, background):
        yield background


def test_the_blocking_client_starts_a_daemon(paths: Paths, background: Background) -> None:
    with Client.connect(paths) as client:
        assert client.request("daemon.ping") == "pong"
    with Client.connect(paths) as again:
        assert again.request("daemon.status")["pid"] == background.pid
    assert background.starts == 1


async def test_the_async_client_starts_a_daemon(paths: Paths, background: Background) -> None:
    async with AsyncClient.connect(paths) as client:
        assert await client.request("daemon.ping") == "pong"
    assert background.starts == 1


async def test_a_client_without_autostart_starts_no_daemon(paths: Paths, background: Background) -> None:
    with pytest.raises(Unreachable):
        Client.connect(paths, autostart=False)
    with pytest.raises(Unreachable):
        async with AsyncClient.connect(paths, autostart=False):
            pass
    assert not paths.database.parent.exists()


def test_a_bare_socket_path_starts_no_daemon(paths: Paths, background: Background) -> None:
    with pytest.raises(Unreachable):
        Client.connect(paths.socket)
    assert not paths.socket.parent.exists()


def test_the_daemon_is_no_child_of_the_client(paths: Paths, background: Background) -> None:
    Client.connect(paths).close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_signal_that_the_caller_blocks_reaches_the_daemon(paths: Paths, background: Background) -> None:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        Client.connect(paths).close()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.kill(background.pid, signal.SIGTERM)
    wait_until(background.is_gone)


async def test_a_paused_daemon_is_named_when_it_does_not_respond(paths: Paths, background: Background) -> None:
    Client.connect(paths).close()
    os.kill(background.pid, signal.SIGSTOP)
    # Also the connect may time out on a busy machine.
    with pytest.raises(TimedOut, match=f"kill {background.pid}"), Client.connect(paths, timeout=0.1) as client:
        client.request("daemon.ping")
    with pytest.raises(TimedOut, match=f"kill {background.pid}"):
        async with AsyncClient.connect(paths, timeout=0.1) as waiting:
            await waiting.request("daemon.ping")


def test_a_paused_daemon_without_a_socket_is_named_and_not_replaced(paths: Paths, background: Background) -> None:
    Client.connect(paths).close()
    os.kill(background.pid, signal.SIGSTOP)
    paths.socket.unlink()
    paths.record.unlink()
    with pytest.raises(NotStarted, match=f"kill {background.pid}"):
        Client.connect(paths, timeout=3)
    assert not background.is_gone()
    os.kill(background.pid, signal.SIGCONT)
    wait_until(paths.socket.exists)
    with Client.connect(paths) as client:
        assert client.request("daemon.status")["pid"] == background.pid


def test_a_program_that_cannot_run_is_an_error(
    paths: Paths, background: Background, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(NotStarted, match="cannot run"):
        Client.connect(paths)


def test_a_program_that_exits_without_a_report_is_an_error_with_the_path_of_the_log(
    paths: Paths, background: Background, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "segued").write_text("#!/bin/sh\necho what happened >&2\n")
    (tmp_path / "segued").chmod(0o700)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(NotStarted, match=str(background.journal)):
        Client.connect(paths)
    assert background.journal.read_text() == "what happened\n"


def test_a_program_without_its_interpreter_is_replaced_by_the_module(
    paths: Paths, background: Background, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    venv.create(moved, symlinks=True)
    (moved / "bin" / "segued").write_text("#!/no/such/python\n")
    (moved / "bin" / "segued").chmod(0o700)
    monkeypatch.setattr("sys.executable", str(moved / "bin" / "python"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with Client.connect(paths) as client:
        assert client.request("daemon.ping") == "pong"
    assert serving(paths.database)


def test_without_the_program_beside_it_the_interpreter_runs_the_module(
    paths: Paths, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.client.autostart.spawn.PROGRAM", "no-such-program")
    with Client.connect(paths) as client:
        assert client.request("daemon.ping") == "pong"
    command = Path(f"/proc/{background.pid}/cmdline").read_bytes().split(b"\0")
    assert command[1:4] == [b"-P", b"-m", b"segue.server"]
