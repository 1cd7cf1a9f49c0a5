"""The programs in `segue help integrations` and `segue help recipes` run, and print what the pages show."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.docs.blocks import programs
from tests.support.process import Segued

RECIPES = {**programs("integrations"), **programs("recipes")}


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
    assert run(served, project, [sys.executable, "-c", recipe.text]) == recipe.output


def test_llm_logs_into_segue_and_continues(served: Segued, project: Path) -> None:
    environment = {"LLM_USER_PATH": str(served.folder / "llm"), "LLM_MODEL": "echo"}
    shown = run(served, project, ["sh", "-c", RECIPES["llm-plugin"].text], **environment)
    turns = ["#1 user", "Why is the sky blue?", "#2 assistant", "#3 user", "And at sunset?", "#4 assistant"]
    places = [shown.rindex(turn) for turn in turns if turn.startswith("#")]
    assert places == sorted(places)
    assert all(turn in shown for turn in turns)


def test_llm_and_segue_continue_each_other(served: Segued, project: Path) -> None:
    environment = {"LLM_USER_PATH": str(served.folder / "llm"), "LLM_MODEL": "echo"}
    said = run(served, project, ["sh", "-c", RECIPES["llm"].text], **environment)
    assert '"Why is the sky blue?"' in said
    wire = served.connect()
    [session] = wire.call("session.list")["sessions"]
    found = [one["content"] for one in wire.call("message.list", session_id=session["id"])["messages"]]
    assert len(found) == 6
    assert found[::2] == ["Why is the sky blue?", "And at sunset?", "And on Mars?"]
    assert "Why is the sky blue?" in found[5]
