"""The path of a backup: a path that cannot hold one is refused, and no existing file is changed."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segue.errors import SegueError
from segue.store.maintenance.backup import JOURNALS
from segue.store.maintenance.temp_files import BACKUP
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.copies import check_copy, rows
from tests.support.system.users import AM_ROOT, NOBODY
from tests.support.system.watcher import Watcher


def link(shelf: Path) -> Path:
    (shelf / "link.db").symlink_to("elsewhere.db")
    return shelf / "link.db"


def folder(shelf: Path) -> Path:
    (shelf / "folder").mkdir()
    return shelf / "folder"


def fifo(shelf: Path) -> Path:
    os.mkfifo(shelf / "fifo")
    return shelf / "fifo"


def below_a_file(shelf: Path) -> Path:
    (shelf / "text_file").touch()
    return shelf / "text_file" / "copy.db"


def wide_folder(shelf: Path) -> Path:
    (shelf / "wide").mkdir()
    (shelf / "wide").chmod(0o777)
    return shelf / "wide" / "copy.db"


def beside_a_journal(suffix: str) -> Callable[[Path], Path]:
    def make(shelf: Path) -> Path:
        (shelf / f"copy.db{suffix}").write_text("frames")
        return shelf / "copy.db"

    return make


def text_file(shelf: Path) -> Path:
    (shelf / "text_file.txt").write_text("mine")
    return shelf / "text_file.txt"


def foreign(shelf: Path) -> Path:
    with closing(sqlite3.connect(shelf / "foreign.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    return shelf / "foreign.db"


TARGETS: dict[str, tuple[Callable[[Path], Any], tuple[str, str]]] = {
    "relative": (lambda shelf: "copy.db", ("invalid_params", "$.path")),
    "empty": (lambda shelf: "", ("invalid_params", "$.path")),
    "with a NUL": (lambda shelf: f"{shelf}/a\0b", ("invalid_params", "$.path")),
    "not a string": (lambda shelf: 5, ("invalid_params", "$.path")),
    "root": (lambda shelf: "/", ("invalid_params", "$.path")),
    "root by a dot": (lambda shelf: "/.", ("invalid_params", "$.path")),
    "a directory": (folder, ("invalid_params", "$.path")),
    "a directory by its slash": (lambda shelf: f"{shelf}/copy.db/", ("invalid_params", "$.path")),
    "a missing directory": (lambda shelf: shelf / "none" / "copy.db", ("invalid_params", "$.path")),
    "below a file": (below_a_file, ("invalid_params", "$.path")),
    "too long": (lambda shelf: shelf / ("x" * 256), ("invalid_params", "$.path")),
    "a link": (link, ("invalid_params", "$.path")),
    "a pipe": (fifo, ("invalid_params", "$.path")),
    "a world-writable directory": (wide_folder, ("invalid_params", "$.path")),
    "a device's folder": (lambda shelf: "/dev/null/copy.db", ("invalid_params", "$.path")),
    "a device": (lambda shelf: "/dev/null", ("invalid_params", "$.path")),
    "beside a wal": (beside_a_journal("-wal"), ("conflict", "exists")),
    "beside a journal": (beside_a_journal("-journal"), ("conflict", "exists")),
    "a text file": (text_file, ("conflict", "exists")),
    "another program's database": (foreign, ("conflict", "exists")),
}


def file_states(shelf: Path) -> dict[str, tuple[int, ...]]:
    """Return what a change to any file in the directory would alter; reading alters st_atime only."""
    found = {str(each): each.lstat() for each in shelf.glob("**/*")}
    return {name: (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns) for name, one in found.items()}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("target_name", TARGETS)
def test_an_impossible_target_is_refused_and_unchanged(
    segued: Segued, shelf: Path, target_name: str, overwrite: bool
) -> None:
    make, (kind, reason) = TARGETS[target_name]
    path = make(shelf)
    before = file_states(shelf)
    wire = segued.start().connect()
    answer = wire.respond("daemon.backup", {"path": str(path) if path != 5 else 5, "overwrite": overwrite})
    data = answer["error"]["data"]
    assert (data["kind"], data["path"] if kind == "invalid_params" else data["reason"]) == (kind, reason)
    assert file_states(shelf) == before
    assert wire.call("daemon.ping") == "pong"


def test_the_files_of_the_daemon_are_refused(segued: Segued) -> None:
    segued.config.touch(mode=0o600)
    wire = segued.start().connect()
    data, run = segued.database.parent, segued.socket.parent
    names = ("sessions.db", "sessions.db-wal", "sessions.db-shm", "sessions.db-journal", "sessions.db.lock")
    paths = [*(data / name for name in (*names, "daemon.json")), *run.iterdir(), segued.config]
    assert len(paths) == 9
    for path in [*paths, data / ".." / "data" / "sessions.db"]:
        with pytest.raises(SegueError) as caught:
            wire.call("daemon.backup", path=str(path), overwrite=True)
        assert (caught.value.kind, caught.value.data["path"]) == ("invalid_params", "$.path")
    assert wire.call("daemon.check") == {"ok": True, "problems": []}


def test_an_existing_file_is_kept_unless_overwrite_is_true_and_it_is_a_backup(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    target = shelf / "copy.db"
    wire.call("daemon.backup", path=str(target))
    wire.call("session.create", id="later")
    before = target.read_bytes()
    with pytest.raises(SegueError) as caught:
        wire.call("daemon.backup", path=str(target))
    assert (caught.value.kind, caught.value.data) == ("conflict", {"reason": "exists"})
    assert target.read_bytes() == before
    wire.call("daemon.backup", path=str(target), overwrite=True)
    assert rows(target, "SELECT id FROM sessions") == [("later",)]


def test_a_read_only_directory_is_reported(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    target = Path("/proc/copy.db") if AM_ROOT else shelf / "copy.db"
    shelf.chmod(0o500)
    data = wire.respond("daemon.backup", {"path": str(target)})["error"]["data"]
    shelf.chmod(0o700)
    assert data["kind"] == "storage" if not AM_ROOT else data["kind"] in ("storage", "invalid_params")
    assert not any(shelf.iterdir())


def test_a_backup_in_a_sticky_directory_is_private(segued: Segued, open_folder: Path) -> None:
    open_folder.chmod(0o1777)
    segued.start().connect().call("daemon.backup", path=str(open_folder / "copy.db"))
    check_copy(open_folder / "copy.db")


def plant(path: Path) -> Path:
    """Make an empty file of another user, in one step: the daemon removes such files of its own user at any moment."""
    made = path.with_name(".planted")
    made.touch()
    os.chown(made, NOBODY, NOBODY)
    return made.rename(path)


@pytest.mark.skipif(not AM_ROOT, reason="only root may act as another user")
def test_another_user_cannot_disturb_a_backup_in_a_sticky_directory(segued: Segued, open_folder: Path) -> None:
    open_folder.chmod(0o1777)
    wire = segued.start().connect()
    planted: set[Path] = set()
    with Watcher(open_folder) as watcher:
        for number in range(5):
            wire.post("daemon.backup", path=str(open_folder / f"{number}.db"))
            wait_until(lambda: any(name.startswith(BACKUP) for name in list(watcher.seen)))
            for name in [name for name in list(watcher.seen) if name.startswith(BACKUP)]:
                if "/" not in name and not name.endswith(JOURNALS):
                    planted |= {plant(open_folder / f"{name}{suffix}") for suffix in JOURNALS}
            assert "result" in wire.answer()
            check_copy(open_folder / f"{number}.db")
    assert planted
    for journal in planted:
        journal.unlink(missing_ok=True)  # the daemon has removed those of an earlier backup
