"""A service manager passes a socket; the daemon accepts only a socket like the one it would bind."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deadline import wait_until
from tests.support.process import PROGRAMS, Segued
from tests.support.system import activation
from tests.support.wire import TIMEOUT_SECONDS, Wire

SEGUED = str(PROGRAMS / "segued")


@pytest.fixture
def passed(segued: Segued) -> Segued:
    """Return a daemon that `program` starts, with a runtime directory and without a named socket."""
    segued.socket.parent.mkdir(mode=0o700)
    segued.named = False
    return segued


def passing(count: int | str, *sockets: str, pid: str = "self") -> list[str]:
    return [sys.executable, activation.__file__, pid, str(count), *sockets, "--", SEGUED]


def refused(segued: Segued, *words: str) -> None:
    code, lines = segued.fail()
    assert (code, len(lines)) == (1, 1), lines
    assert all(word in lines[0] for word in words), lines
    assert not segued.database.exists()


@pytest.fixture
def manager(passed: Segued) -> Iterator[subprocess.Popen[str]]:
    """Run systemd-socket-activate, which starts segued when a client connects."""
    command = ["systemd-socket-activate", "--fdname=segued", "-l", str(passed.socket)]
    for name, value in passed.environment.items():
        command += ["-E", f"{name}={value}"]
    passed.program = [*command, SEGUED]
    yield passed.launch()
    passed.program = [SEGUED]


def wait_until_it_listens(passed: Segued) -> None:
    """Wait for the log line, because the path exists before the socket listens."""
    wait_until(lambda: any("Listening on" in line for line in passed.log))


def test_a_client_at_the_inherited_socket_starts_the_daemon(passed: Segued, manager: subprocess.Popen[str]) -> None:
    wait_until_it_listens(passed)
    passed.socket.chmod(0o600)
    before = passed.socket.stat().st_ino
    with Wire(passed.socket) as wire:
        status = wire.call("daemon.status")
    assert (status["pid"], status["socket"]) == (manager.pid, str(passed.socket))
    passed.wait_ready()
    assert passed.record.exists()
    assert passed.stop() == 0
    assert passed.socket.stat().st_ino == before  # The manager owns it.
    passed.socket.unlink()


def test_a_socket_open_to_other_users_is_refused(passed: Segued, manager: subprocess.Popen[str]) -> None:
    wait_until_it_listens(passed)
    assert stat.S_IMODE(passed.socket.stat().st_mode) == 0o644  # The mode that systemd-socket-activate sets.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(passed.socket))
        assert passed.wait() == 1
    said = [line for line in passed.log if line.startswith("segued:")]
    assert len(said) == 1
    assert "SocketMode=0600" in said[0]
    assert not passed.database.exists()
    passed.socket.unlink()


def test_two_inherited_sockets_are_refused(passed: Segued) -> None:
    passed.program = passing(2, *(f"listen:{passed.socket.with_name(name)}" for name in ("one", "two")))
    refused(passed, "2", "exactly one")
    for name in ("one", "two"):
        passed.socket.with_name(name).unlink()


def test_no_inherited_socket_is_a_normal_start(passed: Segued) -> None:
    passed.program = passing(0)
    passed.named = True
    passed.start()
    assert passed.connect().call("daemon.ping") == "pong"


@pytest.mark.parametrize("pid", ["1", "", "x", "99999999999999999999"])
def test_descriptors_for_another_process_are_ignored(passed: Segued, pid: str) -> None:
    other = passed.socket.with_name("other.sock")
    passed.program = passing(1, f"listen:{other}", pid=pid)
    passed.named = True
    passed.start()
    assert passed.connect().call("daemon.status")["socket"] == str(passed.socket)
    environ = Path(f"/proc/{passed.pid}/fd/3").readlink()
    assert str(environ).startswith("socket:")
    other.unlink()


@pytest.mark.parametrize(
    ("kind", "word"),
    [("tcp:", "Unix stream"), ("datagram:{}", "Unix stream"), ("bound:{}", "listen"), ("file:{}", "not a socket")],
)
def test_an_inherited_descriptor_of_another_kind_is_refused(passed: Segued, kind: str, word: str) -> None:
    passed.program = passing(1, kind.format(passed.socket))
    refused(passed, word)
    passed.socket.unlink(missing_ok=True)


def test_an_abstract_socket_is_refused(passed: Segued) -> None:
    passed.program = passing(1, f"abstract:segue-test-{os.getpid()}")
    refused(passed, "no absolute path")


def test_a_missing_descriptor_is_refused(passed: Segued) -> None:
    passed.program = passing(1)
    refused(passed, "descriptor 3")


@pytest.mark.parametrize("count", ["x", "-1", "1e3", "99999999999999999999", "²"])
def test_an_invalid_number_of_descriptors_is_refused(passed: Segued, count: str) -> None:
    passed.program = passing(count)
    refused(passed, "LISTEN_FDS")


def test_a_socket_in_a_directory_writable_by_other_users_is_refused(passed: Segued) -> None:
    passed.socket.parent.chmod(0o777)
    passed.program = passing(1, f"listen:{passed.socket}")
    refused(passed, "others can write to")
    passed.socket.unlink()
    passed.socket.parent.chmod(0o700)


def test_an_inherited_socket_is_refused_if_another_is_named(passed: Segued) -> None:
    other = passed.socket.with_name("other.sock")
    passed.program = passing(1, f"listen:{other}")
    passed.named = True
    refused(passed, "was named")
    other.unlink()


def test_an_inherited_socket_may_be_the_named_one(passed: Segued) -> None:
    passed.program = passing(1, f"listen:{passed.socket}")
    passed.named = True
    passed.start()
    assert passed.connect().call("daemon.ping") == "pong"
    passed.stop()
    assert passed.socket.is_socket()
    passed.socket.unlink()


def test_a_removed_inherited_socket_is_created_again(passed: Segued) -> None:
    passed.program = passing(1, f"listen:{passed.socket}")
    passed.start()
    kept = passed.connect()
    assert kept.call("daemon.ping") == "pong"
    passed.socket.unlink()
    wait_until(passed.socket.exists)
    assert passed.connect().call("daemon.ping") == "pong"
    assert kept.call("daemon.ping") == "pong"


def test_a_client_between_two_daemons_is_served_by_the_second(passed: Segued) -> None:
    """The manager keeps the socket open, as systemd does, so clients in its queue wait."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        umask = os.umask(0o177)
        listener.bind(str(passed.socket))
        os.umask(umask)
        listener.listen()
        script = 'export LISTEN_PID=$$; exec "$0"'
        options = {
            "env": {**passed.environment, "LISTEN_FDS": "1"},
            "preexec_fn": lambda: os.dup2(listener.fileno(), 3),
        }
        passed.program = ["/bin/sh", "-c", script, SEGUED]
        passed.start(**options, close_fds=False)
        assert passed.stop() == 0
        with Wire(passed.socket) as wire:
            wire.send(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n')
            passed.start(**options, close_fds=False)
            assert wire.answer()["result"] == "pong"
        passed.stop()
    passed.socket.unlink()


def test_the_inherited_descriptor_is_closed_on_exec(passed: Segued) -> None:
    passed.program = passing(1, f"listen:{passed.socket}")
    passed.start()
    flags = Path(f"/proc/{passed.pid}/fdinfo/3").read_text()
    [line] = [line for line in flags.splitlines() if line.startswith("flags:")]
    assert int(line.split()[1], 8) & os.O_CLOEXEC
    passed.stop()
    passed.socket.unlink()


def test_systemd_socket_activate_is_installed() -> None:
    """Fail once with a clear reason if the tool is missing."""
    done = subprocess.run(["systemd-socket-activate", "--version"], capture_output=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0
