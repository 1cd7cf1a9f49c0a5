"""Fixtures: a directory for backups, and a backup beside a database that no daemon serves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Segued


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Return a directory for backups."""
    folder = tmp_path / "shelf"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def copy(segued: Segued, project: Path) -> Iterator[Path]:
    """Yield a backup with session `old`. The database, which no daemon serves, also has `new`."""
    wire = segued.start().connect()
    wire.call("session.create", id="old")
    wire.call("message.append", session_id="old", role="user", content="zebra crossing")
    wire.call("daemon.backup", path=str(project / "copy.db"))
    wire.call("session.create", id="new")
    assert segued.stop() == 0
    yield project / "copy.db"
    for path in segued.database.parent.glob("sessions.db.replaced-*"):
        path.rename(segued.folder / path.name)  # before the check of the data directory
