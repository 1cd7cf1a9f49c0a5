"""A timeout names the daemon that does not respond, and never another process."""

import os
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

TIMEOUT_SECONDS = 0.2


@pytest.fixture
def paths(segued: Segued) -> Paths:
    return Paths(Config(), segued.config, segued.database, segued.socket, socket_explicit=True, database_explicit=True)


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """Yield a socket at which this process accepts connections and never responds."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(5)
        yield path


@pytest.fixture
def unrelated() -> Iterator[int]:
    """Yield the pid of an unrelated process."""
    process = subprocess.Popen(["sleep", "1000"])
    yield process.pid
    process.kill()
    process.wait()


def timeout_message(paths: Paths) -> str:
    """Return the error of a client whose request times out."""
    connecting = Client.connect(paths, timeout=TIMEOUT_SECONDS, autostart=False)
    with pytest.raises(TimedOut) as caught, connecting as client:
        client.request("daemon.ping")
    return str(caught.value)


def pause(segued: Segued) -> None:
    os.kill(segued.pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{segued.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


def resume(segued: Segued) -> None:
    os.kill(segued.pid, signal.SIGCONT)


@pytest.mark.parametrize("left", ["unrelated", "exited", "text", "0", "-1", "9" * 20, ""])
def test_a_pid_in_an_unlocked_lock_file_is_not_named(
    segued: Segued, paths: Paths, silent: Path, unrelated: int, left: str
) -> None:
    segued.database.parent.mkdir(mode=0o700)
    exited = subprocess.Popen(["true"])
    exited.wait()
    paths.lock.write_text({"unrelated": f"{unrelated}\n", "exited": f"{exited.pid}\n"}.get(left, left))
    paths.lock.chmod(0o600)
    by_default = paths._replace(socket=silent, socket_explicit=False, database_explicit=False)
    assert "pid" not in timeout_message(by_default)


def test_a_healthy_daemon_is_not_named_for_another_process(segued: Segued, paths: Paths, silent: Path) -> None:
    segued.start()
    assert "pid" not in timeout_message(paths._replace(socket=silent))


async def test_the_async_client_does_not_name_it_either(segued: Segued, paths: Paths, silent: Path) -> None:
    segued.start()
    with pytest.raises(TimedOut) as caught:  # On a busy machine the connect may time out.
        async with AsyncClient.connect(paths._replace(socket=silent), timeout=TIMEOUT_SECONDS) as client:
            await client.request("daemon.ping")
    assert "pid" not in str(caught.value)


def test_a_healthy_daemon_is_not_named_for_a_full_backlog_of_another(
    segued: Segued, paths: Paths, silent: Path
) -> None:
    segued.start()
    with fill_backlog(silent), pytest.raises(TimedOut) as caught:
        Client.connect(paths._replace(socket=silent), timeout=TIMEOUT_SECONDS)
    assert "pid" not in str(caught.value)


def test_a_stopped_daemon_with_a_full_backlog_is_named(segued: Segued, paths: Paths) -> None:
    segued.start()
    pause(segued)
    with fill_backlog(segued.socket), pytest.raises(TimedOut, match=f"kill {segued.pid}"):
        Client.connect(paths, timeout=TIMEOUT_SECONDS)
    resume(segued)


def fill_backlog(path: Path) -> ExitStack:
    """Open connections until the listener accepts no more, and hold them until the end of the block."""
    held = ExitStack()
    failed = 0
    while not failed:
        made = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        made.settimeout(0)
        failed = made.connect_ex(str(path))
    return held


def test_the_daemon_with_an_inherited_socket_is_named_and_not_its_manager(segued: Segued, paths: Paths) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:  # This process plays the service manager.
        opened.bind(str(segued.socket))
        segued.socket.chmod(0o600)
        opened.listen(5)
        become = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" 3<&"$1"'
        segued.program = ["bash", "-c", become, str(PROGRAMS / "segued"), str(opened.fileno())]
        segued.start(pass_fds=[opened.fileno()])
    pause(segued)
    message = timeout_message(paths)
    resume(segued)
    assert f"kill {segued.pid}" in message
    segued.stop()
    segued.socket.unlink()


def test_the_command_line_names_no_unrelated_process(segued: Segued, unserved: Cli, silent: Path) -> None:
    segued.start()
    outcome = unserved.given(SEGUE_SOCKET=str(silent)).run("ping")
    assert (outcome.code, "kill" in outcome.err, str(segued.pid) in outcome.err) == (4, False, False)
