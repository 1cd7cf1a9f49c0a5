"""Who is named, and for whom `kill` is advised, when nobody answers: never an innocent process."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from segue.client import AsyncClient, Client, TimedOut
from segue.config import Config
from segue.paths import Paths
from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import PROGRAMS, Segued

SILENCE = 0.2


@pytest.fixture
def paths(segued: Segued) -> Paths:
    return Paths(Config(), segued.config, segued.database, segued.socket, socket_explicit=True, database_explicit=True)


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """The socket of somebody who takes connections and never answers: this very process."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(5)
        yield path


@pytest.fixture
def innocent() -> Iterator[int]:
    """A process that has nothing to do with it."""
    process = subprocess.Popen(["sleep", "1000"])
    yield process.pid
    process.kill()
    process.wait()


def said_to(paths: Paths) -> str:
    """What a client hears that asks and is not answered."""
    with Client.connect(paths, timeout=SILENCE, autostart=False) as client, pytest.raises(TimedOut) as caught:
        client.request("daemon.ping")
    return str(caught.value)


@pytest.mark.parametrize("left", ["the pid of another", "of nobody", "text", "0", "-1", "9" * 20, ""])
def test_a_pid_that_was_left_in_a_lock_that_nobody_holds_is_not_named(
    segued: Segued, paths: Paths, silent: Path, innocent: int, left: str
) -> None:
    segued.database.parent.mkdir(mode=0o700)
    gone = subprocess.Popen(["true"])
    gone.wait()
    paths.lock.write_text({"the pid of another": f"{innocent}\n", "of nobody": f"{gone.pid}\n"}.get(left, left))
    paths.lock.chmod(0o600)
    said = said_to(paths._replace(socket=silent))
    assert "kill" not in said
    assert re.findall(r"\(pid|process (\d+)", said) == [str(os.getpid())]


def test_a_healthy_daemon_is_not_named_for_another_that_does_not_answer(
    segued: Segued, paths: Paths, silent: Path
) -> None:
    segued.start()
    said = said_to(paths._replace(socket=silent))
    assert ("kill" in said, str(segued.pid) in said) == (False, False)
    assert f"process {os.getpid()} opened the socket" in said


async def test_the_async_client_does_not_name_it_either(segued: Segued, paths: Paths, silent: Path) -> None:
    segued.start()
    async with AsyncClient.connect(paths._replace(socket=silent), timeout=SILENCE) as client:
        with pytest.raises(TimedOut, match=f"process {os.getpid()} opened the socket"):
            await client.request("daemon.ping")


def test_a_healthy_daemon_is_not_named_for_a_full_socket_of_another(segued: Segued, paths: Paths, silent: Path) -> None:
    segued.start()
    with full(silent), pytest.raises(TimedOut) as caught:
        Client.connect(paths._replace(socket=silent), timeout=SILENCE)
    assert "kill" not in str(caught.value)


def test_a_stopped_daemon_that_can_take_no_more_connections_is_named(segued: Segued, paths: Paths) -> None:
    segued.start()
    os.kill(segued.pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{segued.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    with full(segued.socket), pytest.raises(TimedOut, match=f"kill {segued.pid}"):
        Client.connect(paths, timeout=SILENCE)
    os.kill(segued.pid, signal.SIGCONT)


def full(path: Path) -> ExitStack:
    """As many connections as the socket takes, held until the end of the block."""
    held = ExitStack()
    failed = 0
    while not failed:
        made = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        made.settimeout(0)
        failed = made.connect_ex(str(path))
    return held


def test_the_daemon_behind_a_managers_socket_is_named_and_not_the_manager(segued: Segued, paths: Paths) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:  # by this very process
        opened.bind(str(segued.socket))
        segued.socket.chmod(0o600)
        opened.listen(5)
        become = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" 3<&"$1"'
        segued.program = ["bash", "-c", become, str(PROGRAMS / "segued"), str(opened.fileno())]
        segued.start(pass_fds=[opened.fileno()])
    os.kill(segued.pid, signal.SIGSTOP)
    said = said_to(paths)
    os.kill(segued.pid, signal.SIGCONT)
    assert f"kill {segued.pid}" in said
    segued.stop()
    segued.socket.unlink()


def test_the_command_line_names_no_innocent_process(segued: Segued, unserved: Cli, silent: Path) -> None:
    segued.start()
    outcome = unserved.given(SEGUE_SOCKET=str(silent)).run("ping")
    assert (outcome.code, "kill" in outcome.err, str(segued.pid) in outcome.err) == (4, False, False)
