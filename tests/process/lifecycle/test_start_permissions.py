"""Start errors of a user without root's privileges: files and directories that cannot be written."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.system.background import unattended
from tests.support.system.users import AM_ROOT, NOBODY, SEGUED_OF_NOBODY, give_to_nobody


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
        ordinary.refuse(1, "lock")
        place.parent.chmod(0o700)
    ordinary.start()
    ordinary.finish()


def test_a_directory_that_became_read_only_is_refused(ordinary: Segued) -> None:
    give(ordinary)
    ordinary.start()
    assert ordinary.stop() == 0
    for place, subject in ((ordinary.database, "database"), (ordinary.socket, "socket")):
        place.parent.chmod(0o500)
        ordinary.refuse(1, subject)
        place.parent.chmod(0o700)
    ordinary.start()
    ordinary.finish()


def test_a_directory_that_cannot_be_created_is_refused(ordinary: Segued) -> None:
    ordinary.database.parent.rmdir()
    give(ordinary)
    ordinary.folder.chmod(0o500)
    ordinary.refuse(1, "database")
    assert list(ordinary.folder.iterdir()) == [ordinary.socket.parent]


def test_a_database_that_cannot_be_written_is_refused(ordinary: Segued) -> None:
    ordinary.database.touch(mode=0o400)
    give(ordinary)
    ordinary.refuse(1, "database")


def test_root_creates_nothing_in_the_home_of_another_user(segued: Segued, unserved: Cli) -> None:
    home = segued.folder / "other"
    home.mkdir(mode=0o755)
    if AM_ROOT:
        os.chown(home, NOBODY, NOBODY)
    segued.database = home / ".local" / "share" / "segue" / "sessions.db"
    with unattended(segued, unserved) as (segue, _):
        environment = {name: value for name, value in segue.environment.items() if not name.startswith("SEGUE_")}
        outcome = Cli({**environment, "HOME": str(home)}, segue.directory).run("add", "hi")
    created = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    if AM_ROOT:
        assert (outcome.code, created) == (4, set())
        assert outcome.err.count("\n") == 1
        assert f"{home} belongs to user {NOBODY}" in outcome.err
    else:
        assert (outcome.code, ".local/share/segue/sessions.db" in created) == (0, True)


def test_created_directories_are_private_with_any_umask(segued: Segued, unserved: Cli) -> None:
    unnamed = unserved.given(SEGUE_DATABASE="", SEGUE_SOCKET="")
    segued.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    segued.socket = segued.database.parent / "run" / "segued.sock"
    with unattended(segued, unnamed) as (segue, _):
        done = subprocess.run([SEGUE, "list"], cwd=segue.directory, env=segue.environment, umask=0)
    assert done.returncode == 0
    folders = [path for path in (segued.folder / ".local", *(segued.folder / ".local").rglob("*")) if path.is_dir()]
    assert {path.name for path in folders} >= {".local", "share", "state", "segue"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
