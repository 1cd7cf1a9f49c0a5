"""Stand-ins for programs that are too large to install for a test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.command_line import Cli


@pytest.fixture
def with_program(segue: Cli, tmp_path: Path) -> Callable[[str, str], Cli]:
    """Return `segue` in an environment that has a program, given by its name and its shell script."""
    programs = tmp_path / "programs"
    programs.mkdir()

    def add(name: str, script: str) -> Cli:
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
        return segue.given(PATH=f"{programs}:{segue.environment['PATH']}")

    return add
