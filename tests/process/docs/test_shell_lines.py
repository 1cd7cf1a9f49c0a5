"""The README's lines for a shell and for tmux show the session and keep the user's own prompt."""

import subprocess
from pathlib import Path

import pytest

from segue.manual import FOLDER
from tests.process import shells
from tests.process.command_line import Cli, Terminal
from tests.process.docs.blocks import blocks
from tests.process.shells import READY, open_shell
from tests.support.docs import README

OWN = {
    "zsh": "PROMPT='own %% ready> '; RPROMPT='right'\n",
    "bash": "PS1='own \\$ ready> '\n",
    "fish": "set -g fish_greeting; function fish_prompt; echo -n 'own ready> '; end\n",
}
"""A prompt that a user has before the line of the README."""


@pytest.mark.parametrize("name", OWN)
def test_the_line_of_the_readme_extends_the_prompt(name: str, segue: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    line = blocks(README.read_text(), name)[0]
    monkeypatch.setitem(shells.FILES, name, (shells.FILES[name][0], OWN[name] + line))
    segue.ok("new", "--name", "the session")
    environment = {**segue.environment, "HOME": str(segue.directory.parent), "SEGUE_BUDGET": "20"}
    with open_shell(name, environment, segue.directory) as shell:
        shell.wait_for("the session (0,")
        shell.clear()
        shell.show_prompt()
        shell.wait_for("own")
        shell.wait_for(READY)
        if name == "zsh":
            shell.wait_for("right")
        assert "slist" in shell.run("type slist")


@pytest.mark.parametrize("page", [README, FOLDER / "recipes.md"])
def test_the_lines_for_tmux_show_the_session_of_the_pane(page: Path, segue: Cli, tmp_path: Path) -> None:
    directory = segue.directory / "it's $(touch pwned) #{pane_id}"
    directory.mkdir()
    segue.at(directory).ok("new", "--name", "#[bg=red]100%H#(id)")
    [lines] = blocks(page.read_text(), "tmux")
    (tmp_path / "tmux.conf").write_text(lines)
    tmux = ["tmux", "-S", str(tmp_path / "tmux.sock"), "-f", str(tmp_path / "tmux.conf")]
    environment = {**segue.environment, "TERM": "xterm", "SHELL": "/bin/sh", "SEGUE_BUDGET": "20"}
    terminal = Terminal([*tmux, "new-session"], environment, directory, columns=150)
    try:
        terminal.read_until("\uff03[bg=red]100%H\uff03(id) (0")
    finally:
        subprocess.run([*tmux, "kill-server"], env=environment, check=True)
        terminal.hang_up()
    assert [*directory.iterdir()] == []
