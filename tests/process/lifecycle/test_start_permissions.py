"""Start errors of a user without root's privileges: files and directories that cannot be written."""

from pathlib import Path

import pytest

from tests.support.process import Segued
from tests.support.system.users import AM_ROOT, SEGUED_OF_NOBODY, give_to_nobody


def refused(segued: Segued, code: int, subject: str, *options: str, **popen: object) -> str:
    """Return the only line that a failed start printed."""
    found, lines = segued.fail(*options, **popen)
    assert (found, len(lines)) == (code, 1), "\n".join(lines)
    assert lines[0].startswith(f"segued: {subject}: "), lines
    return lines[0]


@pytest.fixture
def ordinary(open_folder: Path) -> Segued:
    """Return a daemon of a user without root's privileges, in a folder that this user can enter."""
    segued = Segued(open_folder)
    if AM_ROOT:
        segued.program = SEGUED_OF_NOBODY
    for place in (segued.database, segued.socket):
        place.parent.mkdir(mode=0o700)
    return segued


def give(ordinary: Segued) -> None:
    """Give the files of the test to the daemon's user."""
    if AM_ROOT:
        give_to_nobody(ordinary.folder)


def test_a_read_only_directory_is_refused(ordinary: Segued) -> None:
    give(ordinary)
    for place in (ordinary.database, ordinary.socket):
        place.parent.chmod(0o500)
        refused(ordinary, 1, "lock")
        place.parent.chmod(0o700)
    ordinary.start()
    ordinary.finish()


def test_a_directory_that_became_read_only_is_refused(ordinary: Segued) -> None:
    give(ordinary)
    ordinary.start()
    assert ordinary.stop() == 0
    for place, subject in ((ordinary.database, "database"), (ordinary.socket, "socket")):
        place.parent.chmod(0o500)
        refused(ordinary, 1, subject)
        place.parent.chmod(0o700)
    ordinary.start()
    ordinary.finish()


def test_a_directory_that_cannot_be_created_is_refused(ordinary: Segued) -> None:
    ordinary.database.parent.rmdir()
    give(ordinary)
    ordinary.folder.chmod(0o500)
    refused(ordinary, 1, "database")
    assert list(ordinary.folder.iterdir()) == [ordinary.socket.parent]


def test_a_database_that_cannot_be_written_is_refused(ordinary: Segued) -> None:
    ordinary.database.touch(mode=0o400)
    give(ordinary)
    refused(ordinary, 1, "database")
