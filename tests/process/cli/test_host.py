"""`segue --host`: the command of another machine, over a real sshd."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.cli.remote import remote_command
from tests.process.command_line import SEGUE, Cli
from tests.support.process import PROGRAMS, Segued
from tests.support.system.sshd import HOST, open_host

ODD = [
    "plain",
    "",
    " ",
    "two words",
    "it's",
    'a "quoted" word',
    "back\\slash",
    "\\'",
    "end\\",
    "$HOME `id` $(id) !! !x %s %b \\n ; & | > * ? [a] {b,c} ~ #",
    "line\nend\n",
    "tab\tand \x1b[31m",
    "ünïcode 日本 \U0001f600",
    "-n",
    "--",
]


@pytest.fixture
def far(segue: Cli, segued: Segued, tmp_path: Path) -> Iterator[Cli]:
    """Yield a `segue` that reaches the daemon only through ssh."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    there = {name: value for name, value in segued.environment.items() if name.startswith(("SEGUE", "LANG", "HOME"))}
    with open_host(folder, {**there, "PATH": f"{PROGRAMS}:/usr/bin:/bin"}) as programs:
        here = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        yield Cli({**here, "SEGUE_SOCKET": str(tmp_path / "none.sock"), "SEGUE_NO_AUTOSTART": "1"}, segue.directory)


def test_a_command_runs_on_the_host_with_its_arguments_input_and_exit_status(far: Cli, segue: Cli) -> None:
    id = far.ok("--host", HOST, "new", "--name", "it's \\ a $name").out.strip()
    assert segue.ok("rpc", "session.get", f"session_id={id}").json["name"] == "it's \\ a $name"
    far.ok("--host", HOST, "add", "--session", id, "-", stdin="ünïcode".encode())
    assert "ünïcode" in far.ok("--host", HOST, "show", id).out
    missing = far.run("--host", HOST, "show", "no-such-session")
    assert (missing.code, missing.out) == (1, "")
    assert "no-such-session" in missing.err
    assert far.run("ping").code == 4  # Without --host there is no daemon


def test_the_command_has_a_terminal_exactly_if_all_streams_are_one(far: Cli) -> None:
    id = far.ok("--host", HOST, "new", "--name", "bright").out.strip()
    shown = far.shown("--host", HOST, "list")
    assert "\x1b[" in shown
    assert "closed" not in shown
    assert far.ok("--host", HOST, "list").rows[0][0] == id


def test_without_a_command_the_browser_of_the_host_opens(far: Cli) -> None:
    far.ok("--host", HOST, "new", "--name", "far away")
    terminal = far.terminal("--host", HOST)
    terminal.read_until("far away")
    terminal.type("q")
    assert terminal.finish()[0] == 0


def test_global_options_name_paths_of_the_host(far: Cli, tmp_path: Path) -> None:
    socket = tmp_path / "elsewhere.sock"
    refused = far.run("--host", HOST, "--socket", str(socket), "ping")
    assert refused.code == 4
    assert str(socket) in refused.err


def test_a_host_that_cannot_be_reached_ends_with_the_status_of_ssh(far: Cli) -> None:
    failed = far.run("--host", "nowhere.invalid", "list")
    assert failed.code == 255
    assert "nowhere.invalid" in failed.err


@pytest.mark.parametrize("host", ["", "-oProxyCommand=id", "a\nb"])
def test_a_name_that_ssh_could_take_for_an_option_is_refused(unserved: Cli, host: str) -> None:
    refused = unserved.run("--host", host, "list")
    assert (refused.code, refused.out) == (2, "")
    assert "is not the name of a host" in refused.err


def test_without_ssh_the_error_says_so(unserved: Cli, tmp_path: Path) -> None:
    missing = unserved.given(PATH=str(tmp_path)).run("--host", HOST, "list")
    assert (missing.code, missing.err) == (1, "segue: --host needs ssh, which is not installed\n")


def test_a_host_option_after_the_command_is_explained(unserved: Cli) -> None:
    wrong = unserved.run("list", "--host", HOST)
    assert wrong.code == 2
    assert "--host goes before the command: segue --host HOST list …" in wrong.err


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_every_login_shell_passes_the_arguments_unchanged(tmp_path: Path, shell: str) -> None:
    program = tmp_path / "segue"
    program.write_text('#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n')
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run([shell, "-c", remote_command(ODD)], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == ODD


def test_segue_is_found_where_pipx_puts_it_and_is_named_if_it_is_missing(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    missing = subprocess.run(["sh", "-c", remote_command(["list"])], env=environment, capture_output=True, text=True)
    assert missing.returncode == 127
    assert missing.stderr == "segue: not installed on this host, or not in PATH or ~/.local/bin\n"
    (tmp_path / ".local" / "bin").mkdir(parents=True)
    (tmp_path / ".local" / "bin" / "segue").symlink_to(SEGUE)
    found = subprocess.run(["sh", "-c", remote_command(["--version"])], env=environment, capture_output=True, text=True)
    assert found.stdout.startswith("segue ")
