"""What the command line continues: a repository, a directory or a terminal."""

import os
import signal
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli, Terminal
from tests.support.process import Segued
from tests.support.system.repositories import create_repository, git


@pytest.fixture
def main(segue: Cli, tmp_path: Path) -> Cli:
    """Return `segue` at the root of a repository that has a subdirectory `sub`."""
    create_repository(tmp_path / "main")
    (tmp_path / "main" / "sub").mkdir()
    return segue.at(tmp_path / "main")


def test_a_repository_continues_one_session_in_all_its_directories_and_worktrees(main: Cli, tmp_path: Path) -> None:
    sub = main.at(main.directory / "sub")
    id = sub.ok("add", "from below").rows[0][1]
    git(main.directory, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    tree = main.at(tmp_path / "tree")
    for place in (main, sub, tree):
        assert place.ok("current").rows[0][0] == id
        assert place.ok("add", "more").rows[0][1] == id
        assert [row[0] for row in place.ok("list", "--here").rows] == [id]
    assert tree.ok("ask", "--with", "cat", "what?").out
    assert tree.ok("search", "--here", "below").rows[0][1] == id
    found = main.ok("rpc", "session.get", f"session_id={id}").json
    assert (found["working_dir"], found["project"]) == (str(sub.directory), str(main.directory))
    tree.ok("end")
    assert sub.run("current").code == 1


def test_outside_of_a_repository_each_directory_has_its_own_session(segue: Cli, project: Path) -> None:
    (project / "sub").mkdir()
    segue.ok("new", "--name", "here")
    assert segue.at(project / "sub").run("current").code == 1


def test_scope_directory_is_the_plain_rule_in_a_repository_too(main: Cli, segued: Segued) -> None:
    segued.config.write_text('[session]\nscope = "directory"\n')
    sub = main.at(main.directory / "sub")
    id = main.ok("new", "--name", "at the root").out.strip()
    assert sub.run("current").code == 1
    below = sub.ok("add", "x").rows[0][1]
    assert below != id
    assert [row[0] for row in sub.ok("list", "--here").rows] == [below]


def test_resume_moves_a_session_into_and_out_of_a_repository(main: Cli, segue: Cli) -> None:
    id = segue.id("--name", "wanders")
    main.at(main.directory / "sub").ok("resume", id)
    assert main.ok("current").rows[0][0] == id
    assert segue.run("current").code == 1
    segue.ok("resume", id)
    assert segue.ok("current").rows[0][0] == id
    assert main.run("current").code == 1


def test_a_repository_takes_over_the_session_that_its_directory_continues(main: Cli, segued: Segued) -> None:
    wire = segued.connect()
    older, plain = (wire.call("session.create", working_dir=str(main.directory))["id"] for _ in range(2))
    assert main.ok("add", "x").rows[0][1] == plain
    assert main.ok("current", "--json").json["session"]["project"] == str(main.directory)
    assert wire.call("session.create", working_dir=str(main.directory))["id"] != plain
    assert main.at(main.directory / "sub").ok("current").rows[0][0] == plain
    assert older not in main.ok("list", "--here").out
    main.ok("move", ".", ".")
    assert older in main.ok("list", "--here").out


def test_new_twice_reuses_the_empty_session_and_takes_its_options(main: Cli) -> None:
    empty = main.id()
    assert main.at(main.directory / "sub").id() == empty
    assert main.id("--name", "planned", "--pinned") == empty
    named = main.ok("rpc", "session.get", f"session_id={empty}").json
    assert (named["name"], named["pinned"]) == ("planned", True)
    # One that has a name was set up on purpose.
    assert main.id() != empty
    used = main.ok("add", "x").rows[0][1]
    assert main.id() != used


def test_move_renames_the_project_of_sessions_too(main: Cli, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(main.directory, "worktree", "add", "--quiet", str(tree))
    id = main.at(tree).id("--name", "in a worktree")
    main.ok("archive", id)
    assert main.ok("move", str(main.directory), str(tmp_path / "renamed")).out == (
        f"{id} moved to {tmp_path / 'renamed'}\n"
    )
    found = main.ok("rpc", "session.get", f"session_id={id}").json
    assert (found["working_dir"], found["project"]) == (str(tree), str(tmp_path / "renamed"))


def test_tail_here_follows_the_repository(main: Cli, segue: Cli) -> None:
    tail = Terminal([SEGUE, "tail", "--here", "--json", "-n", "1"], main.environment, main.directory / "sub", 200)
    try:
        main.ok("add", "the first")
        # An older message is shown or the new one is followed, whichever comes first.
        tail.read_until("the first")
        segue.ok("add", "elsewhere")
        main.ok("add", "the second")
        tail.read_until("the second")
        assert "elsewhere" not in tail.screen
    finally:
        tail.hang_up()


def test_each_terminal_keeps_its_own_session(main: Cli, segued: Segued) -> None:
    segued.config.write_text('[session]\naffinity = "terminal"\n')
    shells = [Terminal(["/bin/sh"], {**main.environment, "PS1": "ready> "}, main.directory, 200) for _ in range(2)]

    def run(shell: Terminal, command: str) -> list[str]:
        """Return the lines that a command writes in a terminal."""
        file = main.directory / "out"
        shell.screen = ""
        shell.type(f"{command} >out 2>&1; echo do''ne\n")
        shell.read_until("done")
        return file.read_text().splitlines()

    try:
        for shell in shells:
            shell.read_until("ready> ")
        first, second = (run(shell, "segue add hello | cut -f2")[0] for shell in shells)
        assert first != second
        assert [run(shell, "( cd sub; segue current )")[0].split("\t")[0] for shell in shells] == [first, second]
        assert run(shells[0], "segue new --name planned") != [first]
        assert run(shells[0], "segue current | cut -f2") == ["planned"]
        assert run(shells[1], "segue current | cut -f1") == [second]
    finally:
        for shell in shells:
            shell.hang_up()
    # A script without a terminal continues the newest one.
    assert main.ok("current").rows[0][1] == "planned"


def test_prompt_shows_the_segment_and_starts_no_daemon(main: Cli, segued: Segued) -> None:
    given = main.given(SEGUE_BUDGET="20")
    assert given.ok("prompt").out == ""
    main.ok("new", "--name", "100% of $(this)#[fg=red]")
    sub = given.at(main.directory / "sub")
    assert sub.ok("prompt").out.startswith("100% of $(this)#[fg=red] (0, ")
    assert sub.ok("prompt", "--format", "{name}|", "--name-chars=7").out == "100% of|\n"
    assert sub.ok("prompt", "--shell=bash", "--format", "{name}").out == "100% of \uff04(this)#[fg=red]\n"
    assert sub.ok("prompt", "--shell", "tmux", "--format", "{name}").out == "100% of $(this)\uff03[fg=red]\n"
    assert sub.run("prompt", "--name-chars", "1001").code == 2
    assert sub.run("prompt", "--shell", "sh").code == 2
    assert sub.run("prompt", "surplus").code == 2
    assert sub.ok("--socket", str(segued.socket), "prompt", "--format", "{messages}").out == "0\n"
    segued.stop()
    started = sub.given(SEGUE_NO_AUTOSTART="")
    for arguments in (["prompt"], ["--database", str(segued.database), "prompt"]):
        assert started.run(*arguments) == (0, "", "")
    assert not segued.socket.exists()
    segued.config.write_text("[session]\nscope = 1\n")
    assert sub.run("prompt").code == 2


def test_prompt_prints_nothing_in_a_directory_that_was_removed(segue: Cli, project: Path) -> None:
    gone = project / "gone"
    gone.mkdir()
    done = segue.shell(f"cd '{gone}'; rmdir '{gone}'; exec segue prompt")
    assert done == (0, "", "")


def test_a_stopped_daemon_delays_prompt_by_no_more_than_its_budget(segue: Cli, segued: Segued) -> None:
    segue.ok("new", "--name", "x")
    os.kill(segued.pid, signal.SIGSTOP)
    try:
        assert segue.given(SEGUE_BUDGET="0.01").run("prompt") == (0, "", "")
    finally:
        os.kill(segued.pid, signal.SIGCONT)
