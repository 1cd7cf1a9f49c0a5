"""`segue restore`: a copy takes the database's place, the replaced one is kept, and nothing is ever half done."""

import fcntl
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.migrate import load_migrations
from tests.process.command_line import Cli
from tests.support.process import Segued
from tests.support.system.copies import check_copy, rows
from tests.support.wal import wait_until_wal_was_emptied


@pytest.fixture
def copy(segued: Segued, project: Path) -> Iterator[Path]:
    """A copy that holds session `old`; the database, which nobody serves, holds `new` as well."""
    wire = segued.start().connect()
    wire.call("session.create", id="old")
    wire.call("message.append", session_id="old", role="user", content="zebra crossing")
    wire.call("daemon.backup", path=str(project / "copy.db"))
    wire.call("session.create", id="new")
    assert segued.stop() == 0
    yield project / "copy.db"
    for path in segued.database.parent.glob("sessions.db.replaced-*"):
        path.rename(segued.folder / path.name)  # only now, for the look over the data directory


def kept(segued: Segued) -> list[Path]:
    """The databases that were replaced, the oldest first."""
    return sorted(path for path in segued.database.parent.glob("*.replaced-*") if not path.name.endswith("-wal"))


def sessions(path: Path) -> list[str]:
    return [id for (id,) in rows(path, "SELECT id FROM sessions ORDER BY id")]


def test_a_copy_takes_the_place_and_what_it_replaced_is_kept(segued: Segued, unserved: Cli, copy: Path) -> None:
    before = copy.read_bytes()
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert outcome.code == 0
    [old] = kept(segued)
    assert outcome.out.splitlines() == [f"restored {segued.database} from {copy}", f"the previous database is {old}"]
    assert "1 sessions with 1 messages" in outcome.err
    assert (sessions(segued.database), sessions(old)) == (["old"], ["new", "old"])
    check_copy(segued.database)
    check_copy(old)
    assert copy.read_bytes() == before
    wire = segued.start().connect()
    assert [hit["session_id"] for hit in wire.call("message.search", query="zebra")["hits"]] == ["old"]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_what_was_replaced_can_be_restored_again(segued: Segued, unserved: Cli, copy: Path) -> None:
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert unserved.run("restore", str(kept(segued)[0]), "--yes").code == 0
    assert (sessions(segued.database), len(kept(segued))) == (["new", "old"], 2)


def test_a_killed_daemon_s_database_is_kept_with_what_stood_in_its_wal(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    wire = segued.start().connect()
    wait_until_wal_was_emptied(wire)
    wire.call("session.create", id="in-the-wal")
    segued.kill()
    assert Path(f"{segued.database}-wal").stat().st_size
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert not Path(f"{segued.database}-wal").exists()
    assert (sessions(segued.database), sessions(kept(segued)[0])) == (["old"], ["in-the-wal", "new", "old"])


def test_where_nothing_was_a_copy_begins(segued: Segued, unserved: Cli, copy: Path) -> None:
    shutil.rmtree(segued.database.parent)
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, outcome.out) == (0, f"restored {segued.database} from {copy}\n")
    assert stat.S_IMODE(segued.database.parent.stat().st_mode) == 0o700
    check_copy(segued.database)
    assert segued.start().connect().call("session.get", session_id="old")["id"] == "old"


def test_a_copy_with_a_wal_beside_it_is_taken_with_it(segued: Segued, unserved: Cli, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("UPDATE sessions SET name = 'in the wal'")
        other.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{copy}{suffix}", copy.with_name(f"second.db{suffix}"))
    assert unserved.run("restore", "second.db", "--yes").code == 0
    assert rows(segued.database, "SELECT name FROM sessions") == [("in the wal",)]


def empty(copy: Path) -> None:
    copy.write_bytes(b"")


def missing(copy: Path) -> None:
    copy.unlink()


def letter(copy: Path) -> None:
    copy.write_text("a letter that is long enough to have a header " * 10)


def directory(copy: Path) -> None:
    copy.unlink()
    copy.mkdir()


def pipe(copy: Path) -> None:
    copy.unlink()
    os.mkfifo(copy)


def cut(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size // 2)


def corrupt(copy: Path) -> None:
    with copy.open("r+b") as file:
        for page in range(2, 30):
            file.seek(page * 4096)
            file.write(b"\xff" * 200)


def junk_in_a_page(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(bytes(range(1, 251)) * 8)


def header_only(copy: Path) -> None:
    os.truncate(copy, 100)


def foreign(copy: Path) -> None:
    execute(copy, "PRAGMA application_id = 77")


def unmarked(copy: Path) -> None:
    copy.unlink()
    execute(copy, "CREATE TABLE t (x)")


def never_filled(copy: Path) -> None:
    copy.unlink()
    execute(copy, f"PRAGMA application_id = {APPLICATION_ID}")


def without_tables(copy: Path) -> None:
    never_filled(copy)
    execute(copy, f"PRAGMA user_version = {len(load_migrations())}")


def newer(copy: Path) -> None:
    execute(copy, f"PRAGMA user_version = {len(load_migrations()) + 1}")


def unfinished(copy: Path) -> None:
    Path(f"{copy}-journal").write_text("x")


def execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)


WRONG: dict[Callable[[Path], None], str] = {
    empty: "empty",
    missing: "No such file",
    letter: "not a SQLite database",
    directory: "not a file",
    pipe: "not a file",
    cut: "malformed",
    corrupt: "damaged",
    junk_in_a_page: "is damaged",
    header_only: "malformed",
    foreign: "another program",
    unmarked: "another program",
    never_filled: "never filled",
    without_tables: "no such table",
    newer: "upgrade segue",
    unfinished: "-journal",
}


@pytest.mark.parametrize("spoil", WRONG)
def test_a_file_that_cannot_be_restored_is_refused_and_changes_nothing(
    segued: Segued, unserved: Cli, copy: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(copy)
    before = {path.name: path.read_bytes() for path in segued.database.parent.iterdir()}
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert WRONG[spoil] in outcome.err
    assert "***" not in outcome.err
    assert {path.name: path.read_bytes() for path in segued.database.parent.iterdir()} == before


def test_the_database_itself_is_no_copy_by_any_name(segued: Segued, unserved: Cli, copy: Path) -> None:
    copy.with_name("hard.db").hardlink_to(segued.database)
    copy.with_name("soft.db").symlink_to(segued.database)
    for name in (str(segued.database), "hard.db", "soft.db"):
        outcome = unserved.run("restore", name, "--yes")
        assert (outcome.code, "the database itself" in outcome.err) == (1, True)


def test_odd_paths_and_nobody_to_ask_are_wrong_usage(unserved: Cli, segued: Segued, copy: Path) -> None:
    for arguments in (["restore"], ["restore", ""], ["restore", "copy.db"]):
        assert unserved.run(*arguments).code == 2
    assert unserved.run("restore", "a\x1b[2J", "--yes").err.count("\x1b") == 0
    assert sessions(segued.database) == ["new", "old"]


def test_a_database_without_its_first_page_is_replaced_and_kept(segued: Segued, unserved: Cli, copy: Path) -> None:
    with segued.database.open("r+b") as file:
        file.write(bytes(200))
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert kept(segued)[0].read_bytes()[:200] == bytes(200)
    assert sessions(segued.database) == ["old"]


def test_another_program_s_file_in_the_database_s_place_is_not_replaced(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    segued.database.unlink()
    execute(segued.database, "CREATE TABLE t (x)")
    segued.database.chmod(0o600)
    assert unserved.run("restore", "copy.db", "--yes").code == 1
    assert rows(segued.database, "SELECT name FROM sqlite_schema") == [("t",)]
    segued.database.unlink()
    segued.database.symlink_to(copy)
    assert unserved.run("restore", str(copy), "--yes").code == 1
    segued.database.unlink()


def test_under_a_running_daemon_nothing_is_restored_unless_it_may_be_stopped(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    segued.start()
    refused = unserved.run("restore", "copy.db", "--yes")
    assert (refused.code, refused.err.count("\n"), "--stop" in refused.err) == (1, 1, True)
    assert segued.connect().call("daemon.ping") == "pong"
    assert unserved.run("restore", "copy.db", "--yes", "--stop").code == 0
    assert segued.wait() == 0
    assert sessions(segued.database) == ["old"]


def test_a_bad_copy_does_not_stop_the_daemon(segued: Segued, unserved: Cli, copy: Path) -> None:
    segued.start()
    cut(copy)
    assert unserved.run("restore", "copy.db", "--yes", "--stop").code == 1
    assert segued.connect().call("daemon.ping") == "pong"


def test_a_file_that_another_daemon_serves_is_no_copy(segued: Segued, unserved: Cli, copy: Path) -> None:
    with Path(f"{copy}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, "segue backup" in outcome.err) == (1, True)


def test_others_are_served_while_the_person_thinks_and_no_is_no(segued: Segued, unserved: Cli, copy: Path) -> None:
    terminal = unserved.terminal("restore", "copy.db")
    terminal.read_until("[y/N]")
    assert segued.start().connect().call("daemon.ping") == "pong"
    terminal.type("n\n")
    code, screen = terminal.finish()
    assert (code, "nothing was restored" in screen) == (1, True)
    assert not list(segued.database.parent.glob(".segue*"))
    assert segued.stop() == 0
    assert (sessions(segued.database), kept(segued)) == (["new", "old"], [])


def test_under_a_daemon_that_came_while_the_person_thought_nothing_is_restored(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    terminal = unserved.terminal("restore", "copy.db")
    terminal.read_until("[y/N]")
    wire = segued.start().connect()
    terminal.type("y\n")
    code, screen = terminal.finish()
    assert (code, "--stop" in screen) == (1, True)
    assert wire.call("session.create", id="later")["id"] == "later"
    assert kept(segued) == []


def test_a_person_who_says_yes_is_believed(segued: Segued, unserved: Cli, copy: Path) -> None:
    terminal = unserved.terminal("restore", "copy.db")
    terminal.read_until("[y/N]")
    terminal.type("y\n")
    assert terminal.finish()[0] == 0
    assert sessions(segued.database) == ["old"]


def test_what_the_next_cleanup_would_delete_is_told(segued: Segued, unserved: Cli, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE sessions SET last_message_at = '2020-01-01T00:00:00.000Z'")
        connection.commit()
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, "1 of them" in outcome.err, "retention_days = 0" in outcome.err) == (0, True, True)
    segued.config.write_text("[session]\nretention_days = 0\n")
    assert "of them" not in unserved.run("restore", "copy.db", "--yes").err


def dead_process() -> int:
    """The number of a process that was."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def unfinished_copy(folder: Path, process: int) -> Path:
    """What a restore by that process has before its question is answered."""
    left = folder / f".segue-restore-{process}-ab"
    left.mkdir(mode=0o700)
    (left / "sessions.db").touch(mode=0o600)
    return left


def test_what_a_killed_restore_left_is_removed_by_the_next_and_by_a_daemon(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    left = unfinished_copy(segued.database.parent, dead_process())
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert not left.exists()
    left = unfinished_copy(segued.database.parent, dead_process())
    backup = segued.database.with_name(f".segue-backup-{dead_process()}-ab")
    backup.touch(mode=0o600)
    segued.start()
    assert not left.exists()
    assert not backup.exists()


def test_the_copy_of_a_living_restore_is_left_alone(segued: Segued, unserved: Cli, copy: Path) -> None:
    theirs = unfinished_copy(segued.database.parent, os.getpid())
    segued.start()
    assert segued.stop() == 0
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert theirs.exists()
    shutil.rmtree(theirs)


def test_without_room_nothing_is_changed(segued: Segued, unserved: Cli, copy: Path) -> None:
    outcome = unserved.shell(f"ulimit -f 8; exec segue restore {copy} --yes")
    assert (outcome.code, outcome.err.count("\n"), "cannot copy" in outcome.err) == (1, 1, True)
    assert sessions(segued.database) == ["new", "old"]
    assert not list(segued.database.parent.glob(".segue*"))
