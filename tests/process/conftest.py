"""Fixtures of the tests that run the real programs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.asking import Gate
from tests.process.command_line import Cli
from tests.support.hostile.attack import Attack, Polite, warm_up
from tests.support.process import Segued


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a directory in which a person works."""
    directory = tmp_path / "project"
    directory.mkdir()
    return directory


@pytest.fixture
def unserved(segued: Segued, project: Path) -> Cli:
    """Return the real `segue`, with no daemon to talk to."""
    return Cli(segued.environment, project)


@pytest.fixture
def segue(segued: Segued, unserved: Cli) -> Cli:
    """Return the real `segue`, run in `project`, with a daemon to talk to."""
    segued.start()
    return unserved


@pytest.fixture
def gate(project: Path) -> Iterator[Gate]:
    """Yield the gate at which a model's command in `project` waits: `read _ <gate`."""
    gate = Gate(project)
    try:
        yield gate
    finally:
        gate.close()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Segued, Polite]]:
    """Yield one daemon for all attacks of a file, with a polite client that must be served; check it at the end."""
    segued = Segued(tmp_path_factory.mktemp("attack"))
    try:
        wire = segued.start().connect()
        warm_up(wire)
        yield segued, Polite(wire)
    finally:
        segued.finish()


@pytest.fixture
def attack(attacked: tuple[Segued, Polite]) -> Iterator[Attack]:
    """Yield one attack on it; afterwards nothing of it may be left."""
    with Attack(*attacked) as attack:
        yield attack
        attack.check_freed()
