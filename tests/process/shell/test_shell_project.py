"""Shells continue by repository and by terminal, as the command line does."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.process.shells import open_shell
from tests.support.process import Segued
from tests.support.system.repositories import create_layouts, create_repository

FIND = {
    "zsh": 'for at; do __segue_find_project "$at"; printf "%s\\0" "$REPLY"; done',
    "bash": 'for at; do __segue_find_project "$at"; printf "%s\\0" "$REPLY"; done',
    "fish": 'for at in $argv; __segue_find_project "$at"; printf "%s\\0" "$__segue_value"; end',
}

SHELLS = pytest.mark.parametrize("name", FIND)


@SHELLS
def test_a_shell_finds_the_same_projects_as_the_command_line(unserved: Cli, tmp_path: Path, name: str) -> None:
    expected = create_layouts(tmp_path)
    load = "segue init fish | source; " if name == "fish" else f'eval "$(segue init {name})"; '
    command = {"zsh": ["zsh", "-fc"], "bash": ["bash", "-c"], "fish": ["fish", "--no-config", "-c"]}[name]
    arguments = [*([] if name == "fish" else [name]), *map(str, expected)]
    environment = {**unserved.environment, "HOME": str(tmp_path / "home")}
    done = subprocess.run([*command, load + FIND[name], *arguments], env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    found = [os.fsdecode(root) for root in done.stdout.split(b"\0")[:-1]]
    assert found == ["" if root is None else str(root) for root in expected.values()]


@SHELLS
def test_the_prompt_shows_the_session_of_the_repository(segued: Segued, segue: Cli, tmp_path: Path, name: str) -> None:
    main, plain = tmp_path / "main", tmp_path / "plain"
    create_repository(main)
    (main / "sub").mkdir()
    plain.mkdir()
    segue.at(main).ok("new", "--name", "of the repository")
    segue.at(plain).ok("new", "--name", "of the directory")
    with open_shell(name, {**segued.environment, "SEGUE_BUDGET": "20"}, main / "sub") as shell:
        assert shell.prompt.startswith("of the repository (0, ")
        shell.run(f"cd '{plain}'")
        assert shell.prompt.startswith("of the directory (0, ")
        shell.run("git init -q")
        assert shell.prompt == ""
        made = shell.run("segue new --name 'of the new repository'").strip()
        assert shell.prompt.startswith("of the new repository (0, ")
        assert shell.run("cd /; cd -; segue current").startswith(f"{made}\t")


@SHELLS
def test_each_terminal_continues_its_own_session(segued: Segued, segue: Cli, project: Path, name: str) -> None:
    segued.config.write_text('[session]\naffinity = "terminal"\n')
    environment = {**segued.environment, "SEGUE_BUDGET": "20"}
    with open_shell(name, environment, project) as first, open_shell(name, environment, project) as second:
        one = first.run("segue new --name 'the first'").strip()
        assert second.prompt == ""
        assert "no session in this terminal yet" in second.run("segue current")
        two = second.run("segue add hello | cut -f2").strip()
        second.run("segue rename 'the second'")
        assert one != two
        assert first.prompt.startswith("the first (0, ")
        assert second.prompt.startswith("the second (1, ")
        assert first.run("sh -c 'segue add hello' | cut -f2").strip() == one
        first.run(f"segue resume {two}")
        assert first.prompt.startswith("the second (1, ")
        second.run("true segue")
        assert second.prompt == ""
    # Without a terminal, the plain rule applies.
    assert segue.ok("current").rows[0][0] == two
