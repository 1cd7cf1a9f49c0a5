"""`segue` starts segued when no daemon serves: one daemon, detached from the caller, with a clear error on failure."""

import os
import shlex
import signal
import socket
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from segue.client.autostart.start import START_SECONDS
from tests.process.command_line import SEGUE, Cli
from tests.support.deadline import quickest, wait_until
from tests.support.process import Segued
from tests.support.system.background import Background, unattended
from tests.support.system.users import AM_ROOT
from tests.support.wire import TIMEOUT_SECONDS

COMMANDS = 50


@pytest.fixture
def started(segued: Segued, unserved: Cli) -> Iterator[tuple[Cli, Background]]:
    with unattended(segued, unserved) as both:
        yield both


@pytest.fixture
def segue(started: tuple[Cli, Background]) -> Cli:
    """Return the real `segue`. No daemon runs yet."""
    return started[0]


@pytest.fixture
def background(started: tuple[Cli, Background]) -> Background:
    return started[1]


def test_the_first_command_starts_a_daemon_and_the_next_finds_it(segue: Cli, background: Background) -> None:
    assert segue.ok("rpc", "daemon.ping").json == "pong"
    pid = background.pid
    assert segue.ok("add", "hello").rows[0][0] == "1"
    assert segue.ok("status", "--json").json["pid"] == pid
    assert background.starts == 1


def test_concurrent_commands_start_one_daemon_and_all_succeed(segue: Cli, background: Background) -> None:
    running = [
        subprocess.Popen([SEGUE, "add", f"{index}"], cwd=segue.directory, env=segue.environment, stderr=subprocess.PIPE)
        for index in range(COMMANDS)
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * COMMANDS, errors
    assert background.starts == 1
    [session] = segue.ok("list", "--json").json["sessions"]
    assert session["message_count"] == COMMANDS


def descriptors(process: Path) -> dict[int, str]:
    """Return the open files of a process by descriptor."""
    found = {}
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # It was closed meanwhile.
            found[int(descriptor.name)] = str(descriptor.readlink())
    return found


def test_the_daemon_inherits_no_session_directory_or_file_of_the_caller(segue: Cli, background: Background) -> None:
    with socket.socket() as held:
        callers_socket = str(Path(f"/proc/self/fd/{held.fileno()}").readlink())
        subprocess.run(
            [SEGUE, "list"],
            cwd=segue.directory,
            env={**segue.environment, "NOTIFY_SOCKET": "/nowhere", "LISTEN_FDS": "1", "DISPLAY": ":0", "LC_ALL": "C"},
            pass_fds=[held.fileno()],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    process = Path("/proc") / str(background.pid)
    assert os.getsid(background.pid) not in (os.getsid(0), background.pid)
    assert (process / "cwd").readlink() == Path("/")
    targets = descriptors(process)
    assert (targets[0], targets[1], targets[2]) == ("/dev/null", *[str(background.journal)] * 2)
    assert callers_socket not in targets.values()
    pipes = Counter(target for target in targets.values() if target.startswith("pipe:"))
    assert set(pipes.values()) <= {2}  # The daemon has both ends of each, so no pipe leads to the caller.
    names = {line.partition(b"=")[0].decode() for line in (process / "environ").read_bytes().split(b"\0")}
    assert {"HOME", "PATH", "LC_ALL", "SEGUE_DATABASE"} <= names
    assert not names & {"NOTIFY_SOCKET", "LISTEN_FDS", "DISPLAY"}


def test_a_command_substitution_with_many_open_descriptors_returns(segue: Cli, background: Background) -> None:
    script = """
        exec 3>&1
        output=$(exec 4>&1 5>&1 6>&1 7>&1 8>&1 9>&1; segue rpc daemon.ping)
        echo "[$output]"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=segue.directory, env=segue.environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '["pong"]\n', "")
    assert not background.is_gone()


def test_closed_standard_streams_do_not_disturb_the_start(segue: Cli, background: Background) -> None:
    assert segue.shell("segue add hello <&- >&- 2>&-").code == 0
    assert segue.ok("list", "--json").json["total"] == 1
    assert background.starts == 1


def test_the_reason_why_the_daemon_cannot_start_is_printed(segued: Segued, segue: Cli) -> None:
    segued.database.parent.mkdir(mode=0o700)
    with sqlite3.connect(segued.database) as connection:
        connection.executescript(f"PRAGMA application_id = {0x53656775}; CREATE TABLE t (x); PRAGMA user_version = 999")
    connection.close()
    segued.database.chmod(0o600)
    outcome = segue.run("list")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("segue: segued could not start: migration: ")


def test_a_directory_that_others_can_write_to_is_an_error(segued: Segued, segue: Cli) -> None:
    segued.socket.parent.mkdir()
    segued.socket.parent.chmod(0o777)
    outcome = segue.run("list")
    assert (outcome.code, "others can write to" in outcome.err) == (4, True)
    segued.socket.parent.chmod(0o700)


def test_no_daemon_is_started_if_the_environment_forbids_it(segued: Segued, segue: Cli) -> None:
    assert segue.given(SEGUE_NO_AUTOSTART="1").run("list").code == 4
    assert not segued.database.parent.exists()


@pytest.mark.parametrize("command", [["ping"], ["status"], ["ping", "--wait", "0.1"]], ids=str)
def test_ping_and_status_start_no_daemon(segued: Segued, segue: Cli, command: list[str]) -> None:
    assert segue.run(*command).code == 4
    assert not segued.database.parent.exists()


def test_a_socket_that_is_named_without_a_database_starts_no_daemon(segued: Segued, segue: Cli) -> None:
    remote = segue.given(SEGUE_DATABASE="")
    for attempt in (remote.run("list"), remote.run("--socket", str(segued.socket), "add", "hi")):
        assert (attempt.code, attempt.out) == (4, "")
    assert not segued.socket.parent.exists()
    assert not (segued.folder / ".local").exists()


def test_a_shutdown_request_starts_no_daemon(segued: Segued, segue: Cli) -> None:
    assert segue.run("rpc", "daemon.shutdown").code == 4
    assert not segued.database.parent.exists()


def test_a_socket_path_that_is_a_directory_starts_no_daemon(segued: Segued, segue: Cli) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    segued.socket.mkdir(mode=0o700)
    outcome = segue.run("list")
    assert outcome.code == 4
    segued.socket.rmdir()


def test_the_next_command_starts_a_daemon_after_a_shutdown(segue: Cli, background: Background) -> None:
    for number in range(1, 4):
        segue.ok("add", f"{number}")
        assert background.starts == number
        segue.ok("rpc", "daemon.shutdown")
    assert segue.ok("list", "--json").json["sessions"][0]["message_count"] == 3


def test_the_next_command_starts_a_daemon_after_a_kill(segue: Cli, background: Background) -> None:
    segue.ok("add", "hello")
    os.kill(background.pid, signal.SIGKILL)
    wait_until(background.is_gone)
    assert segue.ok("list", "--json").json["sessions"][0]["message_count"] == 1
    assert background.starts == 2


def test_a_paused_daemon_is_named_by_its_pid_and_not_replaced(segue: Cli, background: Background) -> None:
    segue.ok("list")
    pid = background.pid
    os.kill(pid, signal.SIGSTOP)
    outcome = segue.run("rpc", "daemon.status")
    assert (outcome.code, outcome.out) == (4, "")
    assert f"kill {pid}" in outcome.err
    os.kill(pid, signal.SIGCONT)
    assert segue.ok("status", "--json").json["pid"] == pid


def test_a_database_that_is_served_at_another_socket_is_reported_immediately(segued: Segued, segue: Cli) -> None:
    segue.ok("list")
    outcome = segue.run("--socket", str(segued.folder / "run" / "other.sock"), "list")
    assert (outcome.code, outcome.err.count("\n")) == (4, 1)
    assert str(segued.socket) in outcome.err
    segued.folder.joinpath("run", "other.sock.lock").unlink(missing_ok=True)


@pytest.mark.skipif(not AM_ROOT, reason="only root can make namespaces")
def test_a_database_that_a_container_holds_is_reported_immediately(segued: Segued, segue: Cli) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    inside = f"mount -t tmpfs -o mode=0700 tmpfs {segued.socket.parent} && exec {segued.program[0]}"
    segued.program = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside]
    segued.start()
    assert quickest(lambda: segue.run("list"), START_SECONDS) < START_SECONDS
    outcome = segue.run("list")
    assert (outcome.code, outcome.err.count("\n")) == (4, 1)
    assert f"another host or container ({os.uname().nodename}) holds {segued.database}" in outcome.err
    segued.kill()


def test_tail_does_not_restart_a_daemon_that_was_stopped(segue: Cli, background: Background) -> None:
    segue.ok("list")
    tail = subprocess.Popen(
        [SEGUE, "tail"], cwd=segue.directory, env=segue.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        wait_until(lambda: segue.ok("status", "--json").json["subscriptions"] == 1)
        segue.ok("rpc", "daemon.shutdown")
        assert tail.stderr is not None
        assert b"waiting for it" in tail.stderr.readline()
        wait_until(background.is_gone)
        assert background.starts == 1
    finally:
        tail.send_signal(signal.SIGINT)
        tail.communicate(timeout=TIMEOUT_SECONDS)
    assert background.is_gone()


@pytest.fixture
def at_home(segued: Segued, segue: Cli) -> Cli:
    """Return `segue` in a home with a runtime directory, without explicit paths."""
    runtime = segued.folder / "runtime"
    runtime.mkdir(mode=0o700)
    environment = {name: value for name, value in segue.environment.items() if not name.startswith("SEGUE_")}
    return Cli({**environment, "XDG_RUNTIME_DIR": str(runtime)}, segue.directory)


def test_another_database_is_served_beside_itself_and_not_at_the_default_socket(segued: Segued, at_home: Cli) -> None:
    segued.database = segued.folder / "other" / "notes.db"
    segued.socket = segued.database.parent / "run" / "segued.sock"
    default = Segued(segued.folder)
    default.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    default.socket = segued.folder / "runtime" / "segue" / "segued.sock"
    with unattended(default, at_home):
        at_home.ok("--database", str(segued.database), "add", "of another")
        assert segued.socket.is_socket()
        assert at_home.ok("list", "--json").json["total"] == 0
        assert default.socket.is_socket()
        assert at_home.ok("--database", str(segued.database), "list", "--json").json["total"] == 1
    default.finish()


@pytest.mark.parametrize("named", [[], ["--database", "other/notes.db"], ["--socket", "run/a b.sock"]], ids=str)
def test_the_command_in_the_error_starts_the_right_daemon(
    segued: Segued, at_home: Cli, project: Path, named: list[str]
) -> None:
    outcome = at_home.given(SEGUE_NO_AUTOSTART="1").run(*named, "ping")
    words = shlex.split(outcome.err.partition("start it with: ")[2])
    with subprocess.Popen(
        [str(Path(SEGUE).with_name(words[0])), *words[1:]],
        cwd=project,
        env=at_home.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            while "ready on" not in (line := process.stderr.readline()):
                assert line, "segued exited before it was ready"
            assert at_home.ok(*named, "ping").out == "pong\n"
            default = segued.folder / "runtime" / "segue" / "segued.sock"
            assert default.exists() == (not named)
        finally:
            process.terminate()


def test_a_database_with_a_long_path_is_served_beside_the_default_socket(segued: Segued, at_home: Cli) -> None:
    segued.database = segued.folder / ("x" * 100) / "notes.db"
    at_home.ok("--database", str(segued.database), "add", "of another")
    status = at_home.ok("--database", str(segued.database), "status", "--json").json
    segued.socket = Path(status["socket"])
    assert segued.socket.parent == segued.folder / "runtime" / "segue"
    assert status["database"]["messages"] == 1
