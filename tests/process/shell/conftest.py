"""Fixtures of the tests with real shells."""

import subprocess
from pathlib import Path

import pytest


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
