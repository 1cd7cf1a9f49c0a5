"""Two machines with a daemon and a command line each."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued
from tests.support.wire import Wire


class Machine(NamedTuple):
    """A machine: its daemon and its command line."""

    segued: Segued
    segue: Cli

    def start(self) -> Wire:
        self.segued.start()
        return self.segued.connect()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Machine]]:
    """Yield two machines with homes of their own."""
    found = []
    for name in ("desk", "lap"):
        folder = tmp_path / name
        folder.mkdir()
        segued = Segued(folder)
        segued.config.write_text("[sync]\ninterval_seconds = 1000000\n")
        found.append(Machine(segued, Cli(segued.environment, folder)))
    with ExitStack() as stack:
        for machine in found:
            stack.callback(machine.segued.finish)
        yield found
