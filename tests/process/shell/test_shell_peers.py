"""Shells beside peers that misbehave, and what of the user's they leave alone."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.process.shells import open_shell
from tests.support.deadline import seconds_of, shortest
from tests.support.process import Segued

SILENT = b""
HALF_A_LINE = b'{"jsonrpc":"2.0","resu'
TO_NOBODY = b'{"jsonrpc":"2.0","error":{"code":-32001,"message":"x"},"id":null}\n'

SHELLS = pytest.mark.parametrize("name", ["zsh", "bash", "fish"])
KEEPING = pytest.mark.parametrize("name", ["zsh", "bash"])


@contextmanager
def peer(path: Path, said: bytes, *, for_ever: bool) -> Iterator[None]:
    """Serve a socket whose connections get the same response to every request."""

    def tell(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(65536):
                connection.sendall(said)
                while for_ever:
                    connection.sendall(said)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=tell, args=(door.accept()[0],), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.fspath(path))
        door.listen(64)
        threading.Thread(target=accept, daemon=True).start()
        yield
        door.shutdown(socket.SHUT_RDWR)


@SHELLS
@pytest.mark.parametrize(
    ("said", "for_ever"),
    [(SILENT, False), (HALF_A_LINE, False), (TO_NOBODY, False), (b"x\n" * 4000, True), (b"x" * 8000, True)],
    ids=["silent", "half a line", "to nobody", "lines for ever", "one line for ever"],
)
def test_no_peer_keeps_the_prompt(segued: Segued, project: Path, name: str, said: bytes, *, for_ever: bool) -> None:
    path = project / "peer.sock"
    environment = {**segued.environment, "SEGUE_SOCKET": str(path)}
    with peer(path, said, for_ever=for_ever), open_shell(name, environment, project) as shell:
        for _ in range(3):
            shell.run("true segue")
        assert shell.prompt == ""


@SHELLS
def test_a_full_backlog_does_not_keep_the_first_prompt(segued: Segued, project: Path, name: str) -> None:
    path = project / "peer.sock"
    with ExitStack() as stack:
        door = stack.enter_context(socket.socket(socket.AF_UNIX))
        door.bind(os.fspath(path))
        door.listen(0)
        with suppress(BlockingIOError):
            while True:
                caller = stack.enter_context(socket.socket(socket.AF_UNIX))
                caller.settimeout(0)
                caller.connect(os.fspath(path))
        with open_shell(name, {**segued.environment, "SEGUE_SOCKET": str(path)}, project) as shell:
            assert shell.prompt == ""


@KEEPING
def test_prompts_beside_a_stopped_daemon_take_less_than_their_budgets(segued: Segued, segue: Cli, name: str) -> None:
    budget = 4
    environment = {**segued.environment, "SEGUE_BUDGET": str(budget)}
    assert shortest(lambda: delay(name, environment, segued, segue, 10), 5 * budget) < 5 * budget


@KEEPING
def test_the_budget_is_short_where_none_is_given(segued: Segued, segue: Cli, name: str) -> None:
    assert shortest(lambda: delay(name, segued.environment, segued, segue, 2), 3) < 3


def delay(name: str, environment: dict[str, str], segued: Segued, segue: Cli, prompts: int) -> float:
    """Return by how many seconds a stopped daemon delays the prompts of a shell."""

    def show() -> None:
        for _ in range(prompts):
            shell.run("true segue")

    with open_shell(name, environment, segue.directory) as shell:
        usual = seconds_of(show)
        os.kill(segued.pid, signal.SIGSTOP)
        try:
            return seconds_of(show) - usual
        finally:
            os.kill(segued.pid, signal.SIGCONT)


@SHELLS
def test_an_answer_is_kept_for_some_time(segued: Segued, segue: Cli, name: str) -> None:
    wire = segued.connect()
    # Also bash, which would ask each time.
    patient = {"SEGUE_BUDGET": "20", "SEGUE_PROMPT_SECONDS": "3600", "SEGUE_PREFIX": ""}
    with open_shell(name, {**segued.environment, **patient}, segue.directory) as shell:
        shell.run("true")
        before = wire.call("daemon.status")["requests"]
        for _ in range(5):
            shell.run("true")
        assert wire.call("daemon.status")["requests"] == before + 1


@KEEPING
def test_the_users_descriptors_are_left_alone(segued: Segued, segue: Cli, project: Path, name: str) -> None:
    segue.ok("new", "--name", "beside")
    with open_shell(name, {**segued.environment, "SEGUE_BUDGET": "20"}, project) as shell:
        shell.type("exec 3>>log {lock}>lock; flock -n $lock; echo one >&3\n")
        shell.run("true segue")
        shell.type("echo two >&3; cd /; echo three >&3\n")
        shell.run("true segue")
        shell.type("exec {lock}>&-\n")
        assert shell.run(f"flock -n '{project}/lock' echo free") == "free\n"
    assert (project / "log").read_text() == "one\ntwo\nthree\n"


def test_no_command_of_zsh_inherits_the_connection(segued: Segued, segue: Cli) -> None:
    segue.ok("new", "--name", "own")
    with open_shell("zsh", {**segued.environment, "SEGUE_BUDGET": "20"}, segue.directory) as shell:
        assert shell.prompt.startswith("own (")
        shell.run("true segue")
        assert "socket:" not in shell.run("ls -l /proc/self/fd")


@KEEPING
def test_a_descriptor_from_the_environment_is_not_believed(segued: Segued, segue: Cli, name: str) -> None:
    segue.ok("new", "--name", "own")
    inherited = {"SEGUE_BUDGET": "20", "__segue_fd": "1", "__segue_pipe": "1"}
    with open_shell(name, {**segued.environment, **inherited}, segue.directory) as shell:
        assert shell.prompt.startswith("own (")
        assert "jsonrpc" not in shell.screen


@pytest.mark.parametrize("given", ["PROMPT_COMMAND=mine", "PROMPT_COMMAND=(mine)"])
def test_a_prompt_command_of_bash_finds_the_status_of_each_part(
    segued: Segued, segue: Cli, project: Path, given: str
) -> None:
    mine = 'mine() { echo "parts: $? ${PIPESTATUS[*]}"; }\n'
    with open_shell("bash", segued.environment, project, before=f"{mine}{given}\n") as shell:
        shell.type("false | true | false\n")
        shell.wait_for("parts: 1 1 0 1")


def test_bash_that_ends_at_a_failure_continues_where_it_would_without_segue(
    segued: Segued, segue: Cli, project: Path
) -> None:
    with open_shell("bash", segued.environment, project) as shell:
        shell.type("trap 'echo trapped $((++times))' ERR\nfalse\n")
        shell.wait_for("trapped 1")
        shell.show_prompt()
        assert shell.run("echo $times") == "1\n"
        shell.type("trap - ERR; set -e\n! true\nfalse && true\n")
        assert shell.run("echo alive") == "alive\n"


@SHELLS
def test_a_record_that_is_no_file_is_not_read(segued: Segued, segue: Cli, name: str) -> None:
    record = segued.database.with_name("daemon.json")
    record.unlink()
    os.mkfifo(record)
    environment = {**segued.environment, "SEGUE_SOCKET": ""}
    try:
        with open_shell(name, environment, segue.directory) as shell:
            assert shell.prompt == ""
    finally:
        record.unlink()


def test_bash_outlives_a_netcat_that_leaves_at_any_moment(segued: Segued, project: Path) -> None:
    segued.start()
    again = 'kill "$__segue_pipe_PID" 2>/dev/null; __segue_retry=0 __segue_waiting=0 __segue_stale=1; segue_prompt'
    with open_shell("bash", segued.environment, project) as shell:
        shell.run("true")
        assert "alive" in shell.run(f"for ((i = 0; i < 50; i++)); do {again}; done; echo alive")
