"""`sask` without quotes: a question mark is no pattern for file names."""

from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.process.shells import open_shell
from tests.support.process import Segued


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_a_question_needs_no_quotes(segue: Cli, segued: Segued, project: Path, name: str) -> None:
    (project / "thisX").touch()
    with open_shell(name, {**segued.environment, "SEGUE_BUDGET": "20"}, project) as shell:
        assert shell.arguments("sask what? is this?") == ["ask", "what?", "is", "this?"]
        quoted = "sask 'what?' \"is it?\" a\\?"
        assert shell.arguments(quoted) == ["ask", "what?", "is it?", "a?"]
        shell.type("echo this?\n")
        shell.wait_for("\nthisX")
