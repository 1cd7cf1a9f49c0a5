import os
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from segue import __version__
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.users import AM_ROOT, NOBODY, SEGUED_OF_NOBODY, give_to_nobody
from tests.support.wire import Wire


def refused(segued: Segued, code: int, subject: str, *options: str, **popen: object) -> str:
    """What it said when it could not start, in exactly one line."""
    found, lines = segued.fail(*options, **popen)
    assert (found, len(lines)) == (code, 1), "\n".join(lines)
    assert lines[0].startswith(f"segued: {subject}: "), lines
    return lines[0]


def change_database(segued: Segued, sql: str) -> None:
    with sqlite3.connect(segued.database) as connection:
        connection.executescript(sql)
    connection.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.glob("**/*") if path.is_file() and path.suffix != ".lock"}


@pytest.fixture
def filled(segued: Segued) -> Segued:
    """Stopped, with a database that holds something."""
    segued.start().connect().call("session.create", id="kept")
    segued.stop()
    return segued


def test_a_database_of_a_newer_version_is_refused_unchanged(filled: Segued) -> None:
    change_database(filled, "PRAGMA user_version = 999")
    before = contents(filled.folder)
    said = refused(filled, 1, "migration")
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
    refused(segued, 1, "database")
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
    refused(segued, 1, "database")
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
    refused(filled, 1, "database")
    filled.database.write_bytes(whole)
    assert filled.start().connect().call("session.get", session_id="kept")["id"] == "kept"


def test_a_database_without_its_tables_is_refused_in_one_line(filled: Segued) -> None:
    change_database(filled, "DROP TABLE daemon_state")
    refused(filled, 1, "database")


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o770, 0o702, 0o1777], ids=oct)
@pytest.mark.parametrize("place", ["database", "socket"])
def test_a_directory_writable_by_other_users_is_refused(segued: Segued, mode: int, place: str) -> None:
    folder: Path = getattr(segued, place).parent
    folder.mkdir()
    folder.chmod(mode)
    # Who made a directory sticky meant it for everybody, as /tmp is: as root, the advice would be followed.
    remedy = "choose another directory" if mode & 0o1000 else f"run: chmod 700 {folder}"
    assert remedy in refused(segued, 1, place)
    assert (stat.S_IMODE(folder.stat().st_mode), list(folder.iterdir())) == (mode, [])
    folder.chmod(0o700)
    segued.start()


def test_a_directory_of_another_user_is_refused(segued: Segued, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" if AM_ROOT else Path("/usr")
    if AM_ROOT:
        theirs.mkdir(mode=0o700)
        os.chown(theirs, NOBODY, NOBODY)
    assert str(theirs) in refused(segued, 1, "database", "--database", str(theirs / "sessions.db"))
    assert str(theirs) in refused(segued, 1, "socket", "--socket", str(theirs / "segued.sock"))


def test_a_file_of_another_user_is_refused(segued: Segued) -> None:
    segued.database.parent.mkdir(mode=0o700)
    if AM_ROOT:
        segued.database.touch(mode=0o600)
        os.chown(segued.database, NOBODY, NOBODY)
        refused(segued, 1, "database")
        segued.database.unlink()
    else:
        segued.database.symlink_to("/etc/hostname")
        refused(segued, 1, "database")
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
    """What there is beside lock files: the name and inode of each."""
    return {path.name: path.lstat().st_ino for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.mark.parametrize("make", [make_directory, make_link, make_dangling_link, make_pipe])
def test_a_database_path_of_another_kind_is_refused(segued: Segued, make: Callable[[Path], None]) -> None:
    segued.database.parent.mkdir(mode=0o700)
    make(segued.database)
    before = snapshot(segued.database.parent)
    refused(segued, 1, "database")
    assert snapshot(segued.database.parent) == before
    remove(segued.database.parent)


@pytest.mark.parametrize("make", [make_file, make_directory, make_link, make_dangling_link, make_pipe])
def test_another_kind_of_file_at_the_socket_path_is_refused(segued: Segued, make: Callable[[Path], None]) -> None:
    segued.socket.parent.mkdir(mode=0o700)
    make(segued.socket)
    before = snapshot(segued.socket.parent)
    refused(segued, 1, "socket")
    assert snapshot(segued.socket.parent) == before
    remove(segued.socket.parent)


def test_a_symbolic_link_at_the_socket_path_is_refused(segued: Segued, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(tmp_path / "other.sock"))
        other.listen()
        segued.socket.parent.mkdir(mode=0o700)
        segued.socket.symlink_to(tmp_path / "other.sock")
        refused(segued, 1, "socket")
    assert segued.socket.is_symlink()
    segued.socket.unlink()


@pytest.mark.parametrize("make", [make_directory, make_link, make_dangling_link])
@pytest.mark.parametrize("place", ["database", "socket"])
def test_a_lock_path_of_another_kind_is_refused(segued: Segued, place: str, make: Callable[[Path], None]) -> None:
    path: Path = getattr(segued, place)
    path.parent.mkdir(mode=0o700)
    make(path.with_name(path.name + ".lock"))
    refused(segued, 1, "lock")
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
    """Everything in the folder, so that nothing of it is looked over."""
    for path in folder.iterdir():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_a_path_through_a_file_is_refused(segued: Segued, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("database", "socket"):
        refused(segued, 1, place, f"--{place}", str(tmp_path / "file" / "x"))
        refused(segued, 1, place, f"--{place}", str(tmp_path / "file" / "deep" / "x"))


def test_a_path_too_long_for_sqlite_is_refused(segued: Segued, tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["d" * 100] * 6)
    refused(segued, 1, "database", "--database", str(deep / "sessions.db"))
    refused(segued, 1, "lock", "--database", str(tmp_path / "deep" / ("x" * 252)))
    refused(segued, 1, "database", "--database", str(tmp_path / ("x" * 300) / "sessions.db"))


def test_a_path_that_is_not_utf8_is_refused(segued: Segued, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff/x")
    refused(segued, 1, "path", "--database", odd)
    refused(segued, 1, "path", "--socket", odd)
    assert list(tmp_path.iterdir()) == []


def test_a_socket_path_has_at_most_107_bytes(segued: Segued, tmp_path: Path) -> None:
    longest = longest_path(tmp_path)
    said = refused(segued, 1, "socket", "--socket", f"{longest}x")
    assert "108" in said
    segued.socket = longest
    assert segued.start().connect().call("daemon.status")["socket"] == str(longest)
    assert segued.stop() == 0


def longest_path(folder: Path) -> Path:
    """A socket path of 107 bytes, some of them not ASCII, in a directory of its own."""
    folder = folder / "rün"
    return folder / ("s" * (107 - len(os.fsencode(folder)) - 1))


@pytest.mark.parametrize("home", ["", "relative", "./x"])
def test_a_missing_home_directory_is_reported(segued: Segued, home: str) -> None:
    environment = {"PATH": segued.environment["PATH"], "HOME": home}
    refused(segued, 1, "no home", env=environment, cwd=segued.folder)
    assert list(segued.folder.iterdir()) == []


def test_no_home_directory_is_needed_if_every_path_is_named(segued: Segued) -> None:
    segued.config.touch()
    segued.start(env={**segued.environment, "HOME": ""})
    assert segued.connect().call("daemon.ping") == "pong"


@pytest.fixture
def ordinary(open_folder: Path) -> Segued:
    """A daemon of a user to whom modes apply, in a folder that this user can reach."""
    segued = Segued(open_folder)
    if AM_ROOT:
        segued.program = SEGUED_OF_NOBODY
    for place in (segued.database, segued.socket):
        place.parent.mkdir(mode=0o700)
    return segued


def give(ordinary: Segued) -> None:
    """What was made for the daemon becomes its user's."""
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


def test_wrong_usage_exits_with_status_2(segued: Segued) -> None:
    for options in (["--bogus"], ["--log-level", "loud"], ["extra"], ["--socket"], ["--version=1"]):
        refused(segued, 2, "usage", *options)
    for options in (["--socket", ""], ["--database", ""], ["--config", ""]):
        refused(segued, 2, "usage", *options)
    for variable in ("SEGUE_SOCKET", "SEGUE_DATABASE", "SEGUE_CONFIG"):
        environment = {**segued.environment, variable: "relative/path"}
        refused(segued, 2, f"environment: {variable}", env=environment)
    assert list(segued.folder.iterdir()) == []


WRONG = {
    "an unknown section": "[sessions]\n",
    "an unknown key": "[session]\nretention_day = 1\n",
    "a wrong type": "[limits]\nclients = 'many'\n",
    "out of range": "[limits]\nclients = 0\n",
    "infinite": "[session]\nretention_days = inf\n",
    "not a number": "[daemon]\nidle_exit_minutes = nan\n",
    "not TOML": "[session\n",
    "a number of many digits": "[limits]\nclients = " + "9" * 5000 + "\n",
    "a relative socket": "[daemon]\nsocket = 'run/x.sock'\n",
    "a relative database": "[daemon]\ndatabase = 'x.db'\n",
    "not UTF-8": b"[ask]\ncommand = '\xff'\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_setting_exits_with_status_2(segued: Segued, text: str | bytes) -> None:
    segued.config.write_bytes(text if isinstance(text, bytes) else text.encode())
    environment = {
        name: value for name, value in segued.environment.items() if name not in ("SEGUE_SOCKET", "SEGUE_DATABASE")
    }
    assert str(segued.config) in refused(segued, 2, "config", env=environment)
    assert list(segued.folder.iterdir()) == [segued.config]


def test_an_unreadable_configuration_exits_with_status_2(segued: Segued) -> None:
    segued.config.mkdir()
    refused(segued, 2, "config")
    segued.config.rmdir()
    refused(segued, 2, "config", "--config", "/dev/null/config.toml")


def test_a_missing_configuration_is_logged_when_the_daemon_serves(segued: Segued) -> None:
    segued.start()
    assert segued.connect().call("daemon.ping") == "pong"
    assert segued.stop() == 0
    assert [line.split("segue: ")[-1] for line in segued.log[1:]] == [
        f"there is no {segued.config}; every setting has its default\n"
    ]


def test_the_version_is_printed_without_a_home_directory(segued: Segued) -> None:
    done = subprocess.run(
        [*segued.program, "--version"], env={"HOME": "", "SEGUE_SOCKET": "nowhere"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"segued {__version__}\n".encode(), b"")


def test_a_start_error_is_one_line_at_log_level_debug(segued: Segued) -> None:
    segued.start()
    code, lines = segued.fail("--log-level", "debug")
    assert (code, len(lines)) == (3, 1), lines


@pytest.mark.parametrize("content", ["notes of mine", "another database"])
def test_a_refused_file_is_unchanged(segued: Segued, content: str) -> None:
    folder = segued.folder / "mine"
    folder.mkdir(mode=0o700)
    file = folder / "file"
    if content == "another database":
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        file.write_text(content)
    file.chmod(0o644)
    before = (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns)
    code, lines = segued.fail("--database", str(file))
    assert (code, len(lines)) == (1, 1)
    assert str(file) in lines[0]
    assert (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns) == before
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_an_overridden_setting_must_be_valid(segued: Segued) -> None:
    segued.config.write_text('[daemon]\nsocket = "relative"\n')
    code, lines = segued.fail("--socket", str(segued.socket))
    assert (code, len(lines)) == (2, 1)


def test_the_daemon_serves_although_its_log_cannot_be_written(segued: Segued) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen([*segued.program], env=segued.environment, stderr=full)
    wait_until(segued.socket.exists)
    with Wire(segued.socket) as wire:
        assert wire.call("daemon.ping") == "pong"
        wire.call("daemon.shutdown")
    assert process.wait(20) == 0
