"""Databases, sockets, locks and directories that the daemon refuses, each with one line and an exit status."""

import os
import socket
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.process import Segued
from tests.support.system.users import AM_ROOT, NOBODY


def change_database(segued: Segued, sql: str) -> None:
    with sqlite3.connect(segued.database) as connection:
        connection.executescript(sql)
    connection.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.glob("**/*") if path.is_file() and path.suffix != ".lock"}


@pytest.fixture
def filled(segued: Segued) -> Segued:
    """Return a stopped daemon whose database has a session."""
    segued.start().connect().call("session.create", id="kept")
    segued.stop()
    return segued


def test_a_database_of_a_newer_version_is_refused_unchanged(filled: Segued) -> None:
    change_database(filled, "PRAGMA user_version = 999")
    before = contents(filled.folder)
    said = filled.refuse(1, "migration")
    assert "999" in said
    assert contents(filled.folder) == before


FOREIGN = {
    "a database with tables": "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')",
    "a database with another's mark": "PRAGMA application_id = 252006675; CREATE TABLE t (x)",
    "a database with a version": "PRAGMA user_version = 1",
    "a database that vacuums itself": "PRAGMA auto_vacuum = FULL; CREATE TABLE t (x)",
}


@pytest.mark.parametrize("sql", FOREIGN.values(), ids=FOREIGN)
def test_a_database_of_another_program_is_refused_unchanged(segued: Segued, sql: str) -> None:
    segued.database.parent.mkdir(mode=0o700)
    change_database(segued, sql)
    segued.database.chmod(0o600)
    before = contents(segued.folder)
    segued.refuse(1, "database")
    assert contents(segued.folder) == before


GARBAGE = {
    "a text": b"Dear diary,\n",
    "a long text": b"Dear diary,\n" * 1000,
    "a wrong header": b"SQLite format 4\0" + bytes(8192),
    "zeros": bytes(8192),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_a_file_that_is_not_a_database_is_refused_unchanged(segued: Segued, data: bytes) -> None:
    segued.database.parent.mkdir(mode=0o700)
    segued.database.write_bytes(data)
    segued.database.chmod(0o600)
    segued.refuse(1, "database")
    assert segued.database.read_bytes() == data
    segued.database.unlink()


def test_a_half_created_file_of_a_killed_daemon_becomes_the_database(segued: Segued) -> None:
    segued.database.parent.mkdir(mode=0o700)
    change_database(segued, "PRAGMA auto_vacuum = INCREMENTAL")
    assert segued.database.stat().st_size > 0
    segued.database.chmod(0o600)
    assert segued.start().connect().call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_an_empty_file_becomes_the_database(segued: Segued) -> None:
    segued.database.parent.mkdir(mode=0o700)
    segued.database.touch(mode=0o600)
    assert segued.start().connect().call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_damaged_database_is_refused_in_one_line(filled: Segued) -> None:
    with sqlite3.connect(filled.database) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'daemon_state'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    whole = filled.database.read_bytes()
    start = (root - 1) * size
    filled.database.write_bytes(whole[:start] + b"\xff" * size + whole[start + size :])
    filled.refuse(1, "database")
    filled.database.write_bytes(whole)
    assert filled.start().connect().call("session.get", session_id="kept")["id"] == "kept"


def test_a_database_without_its_tables_is_refused_in_one_line(filled: Segued) -> None:
    change_database(filled, "DROP TABLE daemon_state")
    filled.refuse(1, "database")


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o770, 0o702, 0o1777], ids=oct)
@pytest.mark.parametrize("place", ["database", "socket"])
def test_a_directory_writable_by_other_users_is_refused(segued: Segued, mode: int, place: str) -> None:
    folder: Path = getattr(segued, place).parent
    folder.mkdir()
    folder.chmod(mode)
    # A sticky directory such as /tmp is meant to be shared, so `chmod 700` would be wrong advice.
    remedy = "choose another directory" if mode & 0o1000 else f"run: chmod 700 {folder}"
    assert remedy in segued.refuse(1, place)
    assert (stat.S_IMODE(folder.stat().st_mode), list(folder.iterdir())) == (mode, [])
    folder.chmod(0o700)
    segued.start()


def test_a_directory_of_another_user_is_refused(segued: Segued, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" if AM_ROOT else Path("/usr")
    if AM_ROOT:
        theirs.mkdir(mode=0o700)
        os.chown(theirs, NOBODY, NOBODY)
    assert str(theirs) in segued.refuse(1, "database", "--database", str(theirs / "sessions.db"))
    assert str(theirs) in segued.refuse(1, "socket", "--socket", str(theirs / "segued.sock"))


def test_a_file_of_another_user_is_refused(segued: Segued) -> None:
    segued.database.parent.mkdir(mode=0o700)
    if AM_ROOT:
        segued.database.touch(mode=0o600)
        os.chown(segued.database, NOBODY, NOBODY)
        segued.refuse(1, "database")
        segued.database.unlink()
    else:
        segued.database.symlink_to("/etc/hostname")
        segued.refuse(1, "database")
        segued.database.unlink()


def make_directory(path: Path) -> None:
    path.mkdir(mode=0o700)


def make_link(path: Path) -> None:
    (path.parent / "real").touch(mode=0o600)
    path.symlink_to("real")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def make_file(path: Path) -> None:
    path.write_text("a letter")
    path.chmod(0o600)


def snapshot(folder: Path) -> dict[str, int]:
    """Return the names and inodes of all files but lock files."""
    return {path.name: path.lstat().st_ino for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.mark.parametrize("make", [make_directory, make_link, make_dangling_link, make_pipe])
def test_a_database_path_of_another_kind_is_refused(segued: Segued, make: Callable[[Path], None]) -> None:
    segued.database.parent.mkdir(mode=0o700)
    make(segued.database)
    before = snapshot(segued.database.parent)
    segued.refuse(1, "database")
    assert snapshot(segued.database.parent) == before
    remove(segued.database.parent)


@pytest.mark.parametrize("make", [make_file, make_directory, make_link, make_dangling_link, make_pipe])
def test_another_kind_of_file_at_the_socket_path_is_refused(segued: Segued, make: Callable[[Path], None]) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    make(segued.socket)
    before = snapshot(segued.socket.parent)
    segued.refuse(1, "socket")
    assert snapshot(segued.socket.parent) == before
    remove(segued.socket.parent)


def test_a_symbolic_link_at_the_socket_path_is_refused(segued: Segued, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(tmp_path / "other.sock"))
        other.listen()
        segued.socket.parent.mkdir(mode=0o700)
        segued.socket.symlink_to(tmp_path / "other.sock")
        segued.refuse(1, "socket")
    assert segued.socket.is_symlink()
    segued.socket.unlink()


@pytest.mark.parametrize("make", [make_directory, make_link, make_dangling_link])
@pytest.mark.parametrize("place", ["database", "socket"])
def test_a_lock_path_of_another_kind_is_refused(segued: Segued, place: str, make: Callable[[Path], None]) -> None:
    path: Path = getattr(segued, place)
    path.parent.mkdir(mode=0o700)
    make(path.with_name(path.name + ".lock"))
    segued.refuse(1, "lock")
    remove(path.parent)


def test_the_daemon_serves_although_its_record_cannot_be_written(segued: Segued) -> None:
    segued.record.mkdir(parents=True, mode=0o700)
    segued.database.parent.chmod(0o700)
    segued.start()
    assert segued.connect().call("daemon.ping") == "pong"
    assert segued.stop() == 0
    assert [line for line in segued.log if " WARNING " in line and "daemon.json" in line]
    segued.record.rmdir()


def remove(folder: Path) -> None:
    """Remove everything in the folder, so that the leak check skips it."""
    for path in folder.iterdir():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_a_path_through_a_file_is_refused(segued: Segued, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("database", "socket"):
        segued.refuse(1, place, f"--{place}", str(tmp_path / "file" / "x"))
        segued.refuse(1, place, f"--{place}", str(tmp_path / "file" / "deep" / "x"))


def test_a_path_too_long_for_sqlite_is_refused(segued: Segued, tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["d" * 100] * 6)
    segued.refuse(1, "database", "--database", str(deep / "sessions.db"))
    segued.refuse(1, "lock", "--database", str(tmp_path / "deep" / ("x" * 252)))
    segued.refuse(1, "database", "--database", str(tmp_path / ("x" * 300) / "sessions.db"))


def test_a_path_that_is_not_utf8_is_refused(segued: Segued, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff/x")
    segued.refuse(1, "path", "--database", odd)
    segued.refuse(1, "path", "--socket", odd)
    assert list(tmp_path.iterdir()) == []


def test_a_socket_path_has_at_most_107_bytes(segued: Segued, tmp_path: Path) -> None:
    longest = longest_path(tmp_path)
    said = segued.refuse(1, "socket", "--socket", f"{longest}x")
    assert "108" in said
    segued.socket = longest
    assert segued.start().connect().call("daemon.status")["socket"] == str(longest)
    assert segued.stop() == 0


def longest_path(folder: Path) -> Path:
    """Return a socket path of 107 bytes, with characters other than ASCII."""
    folder = folder / "rün"
    return folder / ("s" * (107 - len(os.fsencode(folder)) - 1))


@pytest.mark.parametrize("home", ["", "relative", "./x"])
def test_a_missing_home_directory_is_reported(segued: Segued, home: str) -> None:
    environment = {"PATH": segued.environment["PATH"], "HOME": home}
    segued.refuse(1, "no home", env=environment, cwd=segued.folder)
    assert list(segued.folder.iterdir()) == []


def test_no_home_directory_is_needed_if_every_path_is_named(segued: Segued) -> None:
    segued.config.touch()
    segued.start(env={**segued.environment, "HOME": ""})
    assert segued.connect().call("daemon.ping") == "pong"
