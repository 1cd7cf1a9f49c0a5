"""`segue` starts segued where nobody serves: once, out of everybody's way, and telling why it could not."""

import os
import shlex
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.background import Background, unattended
from tests.support.system.users import AM_ROOT, NOBODY
from tests.support.wire import Wire

TOGETHER = 50


@pytest.fixture
def started(segued: Segued, unserved: Cli) -> Iterator[tuple[Cli, Background]]:
    with unattended(segued, unserved) as both:
        yield both


@pytest.fixture
def segue(started: tuple[Cli, Background]) -> Cli:
    """The real `segue`, with no daemon yet."""
    return started[0]


@pytest.fixture
def background(started: tuple[Cli, Background]) -> Background:
    return started[1]


def test_the_first_command_starts_a_daemon_and_the_next_finds_it(segue: Cli, background: Background) -> None:
    assert segue.ok("ping").out == "pong\n"
    pid = background.pid
    assert segue.ok("add", "hello").rows[0][0] == "1"
    assert segue.ok("status", "--json").json["pid"] == pid
    assert background.starts == 1


def test_many_commands_at_once_start_one_daemon_and_all_succeed(segue: Cli, background: Background) -> None:
    crowd = [
        subprocess.Popen([SEGUE, "add", f"{index}"], cwd=segue.directory, env=segue.environment, stderr=subprocess.PIPE)
        for index in range(TOGETHER)
    ]
    said = [process.communicate(timeout=120)[1] for process in crowd]
    assert [process.returncode for process in crowd] == [0] * TOGETHER, said
    assert background.starts == 1
    [session] = segue.ok("list", "--json").json["sessions"]
    assert session["message_count"] == TOGETHER


def test_it_outlives_whoever_started_it_and_keeps_nothing_of_theirs(segue: Cli, background: Background) -> None:
    with socket.socket() as held:
        theirs = str(Path(f"/proc/self/fd/{held.fileno()}").readlink())
        subprocess.run(
            [SEGUE, "ping"],
            cwd=segue.directory,
            env={**segue.environment, "NOTIFY_SOCKET": "/nowhere", "LISTEN_FDS": "1", "DISPLAY": ":0", "LC_ALL": "C"},
            pass_fds=[held.fileno()],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    process = Path("/proc") / str(background.pid)
    assert os.getsid(background.pid) not in (os.getsid(0), background.pid)
    assert (process / "cwd").readlink() == Path("/")
    targets = {int(fd.name): str(fd.readlink()) for fd in (process / "fd").iterdir()}
    assert (targets[0], targets[1], targets[2]) == ("/dev/null", *[str(background.journal)] * 2)
    assert theirs not in targets.values()
    pipes = Counter(target for target in targets.values() if target.startswith("pipe:"))
    assert set(pipes.values()) <= {2}  # both ends of each are its own: no pipe leads to whoever started it
    names = {line.partition(b"=")[0].decode() for line in (process / "environ").read_bytes().split(b"\0")}
    assert {"HOME", "PATH", "LC_ALL", "SEGUE_DATABASE"} <= names
    assert not names & {"NOTIFY_SOCKET", "LISTEN_FDS", "DISPLAY"}


def test_a_command_substitution_with_many_open_descriptors_returns_at_once(segue: Cli, background: Background) -> None:
    script = """
        exec 3>&1
        said=$(exec 4>&1 5>&1 6>&1 7>&1 8>&1 9>&1; segue ping)
        echo "[$said]"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=segue.directory, env=segue.environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[pong]\n", "")
    assert not background.is_gone()


def test_closed_standard_streams_do_no_harm(segue: Cli, background: Background) -> None:
    assert segue.shell("segue add hello <&- >&- 2>&-").code == 0
    assert segue.ok("list", "--json").json["total"] == 1
    assert background.starts == 1


def test_a_database_that_cannot_be_served_is_told_in_the_daemons_words(segued: Segued, segue: Cli) -> None:
    segued.database.parent.mkdir(mode=0o700)
    with sqlite3.connect(segued.database) as connection:
        connection.executescript(f"PRAGMA application_id = {0x53656775}; CREATE TABLE t (x); PRAGMA user_version = 999")
    connection.close()
    segued.database.chmod(0o600)
    outcome = segue.run("list")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("segue: segued could not start: migration: ")
    assert segue.run("ping", "--wait", "1000").err == outcome.err


def test_a_directory_that_others_can_write_to_is_told_in_the_daemons_words(segued: Segued, segue: Cli) -> None:
    segued.socket.parent.mkdir()
    segued.socket.parent.chmod(0o777)
    outcome = segue.run("list")
    assert (outcome.code, "others can write to" in outcome.err) == (4, True)
    segued.socket.parent.chmod(0o700)


def test_nothing_is_started_if_the_environment_forbids_it(segued: Segued, segue: Cli) -> None:
    assert segue.given(SEGUE_NO_AUTOSTART="1").run("list").code == 4
    assert not segued.database.parent.exists()


def test_a_daemon_is_not_started_to_be_stopped(segued: Segued, segue: Cli) -> None:
    assert segue.run("rpc", "daemon.shutdown").code == 4
    assert not segued.database.parent.exists()


def test_a_socket_that_keeps_us_out_is_no_reason_to_start_a_daemon(segued: Segued, segue: Cli) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    segued.socket.mkdir(mode=0o700)
    outcome = segue.run("list")
    assert outcome.code == 4
    segued.socket.rmdir()


def test_a_daemon_that_leaves_is_followed_by_the_next(segue: Cli, background: Background) -> None:
    for number in range(1, 4):
        segue.ok("add", f"{number}")
        assert background.starts == number
        segue.ok("rpc", "daemon.shutdown")
    assert segue.ok("list", "--json").json["sessions"][0]["message_count"] == 3


def test_a_killed_daemon_is_followed_by_the_next(segue: Cli, background: Background) -> None:
    segue.ok("add", "hello")
    os.kill(background.pid, signal.SIGKILL)
    wait_until(background.is_gone)
    assert segue.ok("list", "--json").json["sessions"][0]["message_count"] == 1
    assert background.starts == 2


def test_a_stopped_daemon_is_told_of_by_its_pid_and_left_alone(segue: Cli, background: Background) -> None:
    segue.ok("ping")
    pid = background.pid
    os.kill(pid, signal.SIGSTOP)
    outcome = segue.run("rpc", "daemon.status")
    assert (outcome.code, outcome.out) == (4, "")
    assert f"kill {pid}" in outcome.err
    os.kill(pid, signal.SIGCONT)
    assert segue.ok("status", "--json").json["pid"] == pid


def test_a_database_that_is_served_at_another_socket_is_told_of_at_once(segued: Segued, segue: Cli) -> None:
    segue.ok("ping")
    outcome = segue.run("--socket", str(segued.folder / "run" / "other.sock"), "ping")
    assert (outcome.code, outcome.err.count("\n")) == (4, 1)
    assert str(segued.socket) in outcome.err
    segued.folder.joinpath("run", "other.sock.lock").unlink(missing_ok=True)


def test_a_tail_does_not_bring_a_stopped_daemon_back(segue: Cli, background: Background) -> None:
    segue.ok("ping")
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
        tail.communicate(timeout=20)
    assert background.is_gone()


@pytest.fixture
def at_home(segued: Segued, segue: Cli) -> Cli:
    """In a home with a runtime directory, where nothing is named."""
    runtime = segued.folder / "runtime"
    runtime.mkdir(mode=0o700)
    unnamed = {name: value for name, value in segue.environment.items() if not name.startswith("SEGUE_")}
    return Cli({**unnamed, "XDG_RUNTIME_DIR": str(runtime)}, segue.directory)


def test_another_database_is_served_beside_itself_and_leaves_the_default_socket_alone(
    segued: Segued, at_home: Cli
) -> None:
    segued.database = segued.folder / "other" / "notes.db"
    segued.socket = segued.database.parent / "run" / "segued.sock"
    mine = Segued(segued.folder)
    mine.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    mine.socket = segued.folder / "runtime" / "segue" / "segued.sock"
    with unattended(mine, at_home):
        at_home.ok("--database", str(segued.database), "add", "of another")
        assert segued.socket.is_socket()
        assert at_home.ok("list", "--json").json["total"] == 0
        assert mine.socket.is_socket()
        assert at_home.ok("--database", str(segued.database), "list", "--json").json["total"] == 1
    mine.finish()


@pytest.mark.parametrize("named", [[], ["--database", "other/notes.db"], ["--socket", "run/a b.sock"]], ids=str)
def test_the_command_that_is_advised_starts_what_was_asked_for(
    segued: Segued, at_home: Cli, project: Path, named: list[str]
) -> None:
    said = at_home.given(SEGUE_NO_AUTOSTART="1").run(*named, "ping")
    advised = shlex.split(said.err.partition("start it with: ")[2])
    with subprocess.Popen(
        [str(Path(SEGUE).with_name(advised[0])), *advised[1:]],
        cwd=project,
        env=at_home.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            while "ready on" not in (line := process.stderr.readline()):
                assert line, "it ended before it was ready"
            assert at_home.ok(*named, "ping").out == "pong\n"
            default = segued.folder / "runtime" / "segue" / "segued.sock"
            assert default.exists() == (not named)
        finally:
            process.terminate()


def test_another_database_with_too_long_a_path_is_served_beside_the_default_socket(
    segued: Segued, at_home: Cli
) -> None:
    segued.database = segued.folder / ("x" * 100) / "notes.db"
    at_home.ok("--database", str(segued.database), "add", "of another")
    status = at_home.ok("--database", str(segued.database), "status", "--json").json
    segued.socket = Path(status["socket"])
    assert segued.socket.parent == segued.folder / "runtime" / "segue"
    assert status["database"]["messages"] == 1


def test_the_log_is_private_and_set_aside_when_it_is_long(segue: Cli, background: Background) -> None:
    journal = background.journal
    journal.parent.mkdir(parents=True, mode=0o700)
    journal.write_bytes(b"old\n" * 300_000)
    segue.ok("ping")
    aside = journal.with_name("segued.log.1")
    assert aside.stat().st_size == 1_200_000
    assert journal.read_text().startswith("segued: ready on ")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


@pytest.mark.parametrize("obstacle", ["a file for a directory", "a link", "a pipe", "a directory"])
def test_where_there_can_be_no_log_the_daemon_serves_without(
    segued: Segued, segue: Cli, background: Background, obstacle: str
) -> None:
    journal = background.journal
    journal.parent.parent.mkdir(parents=True)
    if obstacle == "a file for a directory":
        journal.parent.write_text("")
    else:
        journal.parent.mkdir()
        put(obstacle, journal, segued.folder / "victim")
    segue.ok("ping")
    assert not (segued.folder / "victim").exists()
    os.kill(background.pid, signal.SIGTERM)
    wait_until(background.is_gone)
    if obstacle == "a pipe":
        journal.unlink()  # or whoever looks at the log would wait for somebody to write to it


def put(obstacle: str, path: Path, target: Path) -> None:
    if obstacle == "a link":
        path.symlink_to(target)
    elif obstacle == "a pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_among_the_imports_ends_a_daemon_as_any_other(segued: Segued, number: signal.Signals) -> None:
    status = Path(f"/proc/{segued.launch().pid}/status")
    wait_until(lambda: number in caught(status))
    assert segued.signal(number) == 0
    assert not segued.socket.exists()


def caught(status: Path) -> set[int]:
    [line] = [line for line in status.read_text().splitlines() if line.startswith("SigCgt:")]
    mask = int(line.split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_what_a_killed_daemon_left_half_made_is_swept_by_the_next(segued: Segued) -> None:
    segued.start()
    segued.kill()
    leftover = segued.socket.with_name("segued.soc~")
    segued.socket.rename(leftover)
    [record] = [path for path in segued.database.parent.iterdir() if path.name == "daemon.json"]
    segued.start()
    assert not leftover.exists()
    assert record.exists()


def test_the_help_is_shown_for_h_too(segued: Segued) -> None:
    done = subprocess.run([*segued.program, "-h"], capture_output=True, text=True, env=segued.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--database" in done.stdout


def test_the_daemon_that_owns_the_database_is_named_by_its_pid(segued: Segued) -> None:
    segued.start()
    code, [line] = segued.fail()
    assert (code, f"(pid {segued.pid})" in line) == (3, True)


def test_the_module_serves_like_the_program(segued: Segued) -> None:
    segued.program = [sys.executable, "-P", "-m", "segue.server"]
    segued.start()
    with Wire(segued.socket) as wire:
        assert wire.call("daemon.ping") == "pong"


def test_root_makes_nothing_in_the_home_of_somebody_else(segued: Segued, segue: Cli) -> None:
    home = segued.folder / "theirs"
    home.mkdir(mode=0o755)
    if AM_ROOT:
        os.chown(home, NOBODY, NOBODY)
    unnamed = {name: value for name, value in segue.environment.items() if not name.startswith("SEGUE_")}
    outcome = Cli({**unnamed, "HOME": str(home)}, segue.directory).run("--socket", str(segued.socket), "add", "hi")
    made = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    if AM_ROOT:
        assert (outcome.code, made) == (4, set())
        assert outcome.err.count("\n") == 1
        assert f"{home} belongs to user {NOBODY}" in outcome.err
    else:
        assert (outcome.code, ".local/share/segue/sessions.db" in made) == (0, True)
        segued.database = home / ".local" / "share" / "segue" / "sessions.db"


def test_whatever_the_umask_is_every_folder_that_is_made_is_private(segued: Segued, segue: Cli) -> None:
    unnamed = segue.given(SEGUE_DATABASE="")
    segued.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    with unattended(segued, unnamed):
        done = subprocess.run([SEGUE, "ping"], cwd=segue.directory, env=unnamed.environment, umask=0)
    assert done.returncode == 0
    folders = [path for path in (segued.folder / ".local", *(segued.folder / ".local").rglob("*")) if path.is_dir()]
    assert {path.name for path in folders} >= {".local", "share", "state", "segue"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
