"""The programs in `segue help integrations` and `segue help recipes` run, and print what the pages show."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import segue
from segue.manual import read_topic
from tests.support.process import PROGRAMS, Segued

BLOCK = re.compile(r"^```(\w+) ([\w-]+)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


class Recipe(NamedTuple):
    """A program of the manual, and its output."""

    language: str
    program: str
    output: str


RECIPES = {
    name: Recipe(language, program, output)
    for topic in ("integrations", "recipes")
    for language, name, program, output in BLOCK.findall(read_topic(topic))
}


@pytest.fixture
def project(served: Segued) -> Path:
    folder = served.folder / "proj"
    folder.mkdir()
    return folder


def run(served: Segued, project: Path, command: list[str], stdin: str = "", **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=project,
        env={**served.environment, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.language == "python"])
def test_a_program_prints_what_the_page_shows(name: str, served: Segued, project: Path) -> None:
    recipe = RECIPES[name]
    assert recipe.output
    assert run(served, project, [sys.executable, "-c", recipe.program]) == recipe.output


def test_the_chat_in_the_shell_keeps_the_conversation(served: Segued, project: Path) -> None:
    model = "grep -c '^User:'"
    assert run(served, project, ["sh", "-c", RECIPES["chat"].program], "one\ntwo\n", MODEL=model) == "> 1\n> 2\n> "


def test_the_chat_client_for_node_keeps_the_conversation(served: Segued, project: Path) -> None:
    client = Path(segue.__file__).parent / "javascript" / "segue.mjs"
    (project / "segue.mjs").write_text(client.read_text())
    (project / "chat.mjs").write_text(RECIPES["node"].program)
    found = run(served, project, ["node", "chat.mjs"], "one\ntwo\n", MODEL="grep -c '^user:'", PATH=os.environ["PATH"])
    assert found == "1\n2\n"
    shown = run(served, project, [str(PROGRAMS / "segue"), "show"])
    assert "one" in shown
