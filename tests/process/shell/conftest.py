"""Fixtures of the tests with real shells."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.shells import Shell, open_shell
from tests.support.process import Segued

KINDS = {
    "zsh": ("zsh", {}),
    "bash": ("bash", {}),
    "bash without coproc": ("bash", {"SEGUE_BASH_COPROC": "0"}),
    "fish": ("fish", {}),
}
"""Each shell, and what makes it take another way."""

PATIENT = {"SEGUE_BUDGET": "20"}
"""What a test is about should come out on a machine that is busy too."""

Open = Callable[..., Shell]


@pytest.fixture(params=["zsh", "bash", "fish", pytest.param("bash without coproc")])
def open_one(request: pytest.FixtureRequest, segued: Segued, project: Path) -> Iterator[Open]:
    name, variables = KINDS[request.param]
    with ExitStack() as stack:

        def opened(directory: Path = project, before: str = "", **more: str) -> Shell:
            environment = {**segued.environment, "SEGUE_NO_AUTOSTART": "1", **PATIENT, **variables, **more}
            return stack.enter_context(open_shell(name, environment, directory, before=before))

        yield opened


@pytest.fixture(scope="session")
def zsh_completions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file in which compinit stores what it found, so that not every zsh reads a thousand functions.

    That takes 0.3 s of processor time, and many seconds on a busy machine whose page cache is cold.
    """
    dump = tmp_path_factory.mktemp("zsh") / "completions"
    command = ["zsh", "-fc", 'autoload -Uz compinit; compinit -u -d "$1"', "zsh", str(dump)]
    subprocess.run(command, check=True, timeout=240)
    assert dump.exists()
    return dump
