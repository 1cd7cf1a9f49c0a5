"""The README's lines for a shell show the session and keep the user's own prompt."""

import pytest

from tests.process import shells
from tests.process.command_line import Cli
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
