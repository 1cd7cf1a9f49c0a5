"""`segue restore` replaces the database by a backup and keeps the replaced one."""

import fcntl
import os
import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path

from tests.process.command_line import Cli
from tests.support.process import Segued
from tests.support.system.copies import check_copy, replaced_databases, rows, session_ids
from tests.support.wal import wait_until_wal_was_emptied


def test_a_backup_replaces_the_database_which_is_kept(segued: Segued, unserved: Cli, copy: Path) -> None:
    before = copy.read_bytes()
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert outcome.code == 0
    [old] = replaced_databases(segued.database)
    assert outcome.out.splitlines() == [f"restored {segued.database} from {copy}", f"the previous database is {old}"]
    assert "1 sessions with 1 messages" in outcome.err
    assert (session_ids(segued.database), session_ids(old)) == (["old"], ["new", "old"])
    check_copy(segued.database)
    check_copy(old)
    assert copy.read_bytes() == before
    wire = segued.start().connect()
    assert [hit["session_id"] for hit in wire.call("message.search", query="zebra")["hits"]] == ["old"]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_replaced_database_can_be_restored(segued: Segued, unserved: Cli, copy: Path) -> None:
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert unserved.run("restore", str(replaced_databases(segued.database)[0]), "--yes").code == 0
    assert (session_ids(segued.database), len(replaced_databases(segued.database))) == (["new", "old"], 2)


def test_the_kept_database_of_a_killed_daemon_includes_its_wal(segued: Segued, unserved: Cli, copy: Path) -> None:
    wire = segued.start().connect()
    wait_until_wal_was_emptied(wire)
    wire.call("session.create", id="in-the-wal")
    segued.kill()
    assert Path(f"{segued.database}-wal").stat().st_size
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert not Path(f"{segued.database}-wal").exists()
    assert (session_ids(segued.database), session_ids(replaced_databases(segued.database)[0])) == (
        ["old"],
        ["in-the-wal", "new", "old"],
    )


def test_a_backup_is_restored_where_no_database_is(segued: Segued, unserved: Cli, copy: Path) -> None:
    shutil.rmtree(segued.database.parent)
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, outcome.out) == (0, f"restored {segued.database} from {copy}\n")
    assert stat.S_IMODE(segued.database.parent.stat().st_mode) == 0o700
    check_copy(segued.database)
    assert segued.start().connect().call("session.get", session_id="old")["id"] == "old"


def test_a_backup_with_a_wal_is_restored_with_it(segued: Segued, unserved: Cli, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("UPDATE sessions SET name = 'in the wal'")
        other.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{copy}{suffix}", copy.with_name(f"second.db{suffix}"))
    assert unserved.run("restore", "second.db", "--yes").code == 0
    assert rows(segued.database, "SELECT name FROM sessions") == [("in the wal",)]


def test_a_database_without_its_first_page_is_replaced_and_kept(segued: Segued, unserved: Cli, copy: Path) -> None:
    with segued.database.open("r+b") as file:
        file.write(bytes(200))
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert replaced_databases(segued.database)[0].read_bytes()[:200] == bytes(200)
    assert session_ids(segued.database) == ["old"]


def test_a_running_daemon_prevents_a_restore_without_stop(segued: Segued, unserved: Cli, copy: Path) -> None:
    segued.start()
    refused = unserved.run("restore", "copy.db", "--yes")
    assert (refused.code, refused.err.count("\n"), "--stop" in refused.err) == (1, 1, True)
    assert segued.connect().call("daemon.ping") == "pong"
    assert unserved.run("restore", "copy.db", "--yes", "--stop").code == 0
    assert segued.wait() == 0
    assert session_ids(segued.database) == ["old"]


def test_a_file_that_another_daemon_serves_is_refused(segued: Segued, unserved: Cli, copy: Path) -> None:
    with Path(f"{copy}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, "segue backup" in outcome.err) == (1, True)


def test_clients_are_served_during_the_question_and_no_restores_nothing(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    terminal = unserved.terminal("restore", "copy.db")
    terminal.read_until("[y/N]")
    assert segued.start().connect().call("daemon.ping") == "pong"
    terminal.type("n\n")
    code, screen = terminal.finish()
    assert (code, "nothing was restored" in screen) == (1, True)
    assert not list(segued.database.parent.glob(".segue*"))
    assert segued.stop() == 0
    assert (session_ids(segued.database), replaced_databases(segued.database)) == (["new", "old"], [])


def test_a_daemon_that_starts_during_the_question_prevents_the_restore(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    terminal = unserved.terminal("restore", "copy.db")
    terminal.read_until("[y/N]")
    wire = segued.start().connect()
    terminal.type("y\n")
    code, screen = terminal.finish()
    assert (code, "--stop" in screen) == (1, True)
    assert wire.call("session.create", id="later")["id"] == "later"
    assert replaced_databases(segued.database) == []


def test_yes_to_the_question_restores(segued: Segued, unserved: Cli, copy: Path) -> None:
    terminal = unserved.terminal("restore", "copy.db")
    terminal.read_until("[y/N]")
    terminal.type("y\n")
    assert terminal.finish()[0] == 0
    assert session_ids(segued.database) == ["old"]


def test_sessions_that_the_next_cleanup_deletes_are_reported(segued: Segued, unserved: Cli, copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE sessions SET last_message_at = '2020-01-01T00:00:00.000Z'")
        connection.commit()
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, "1 of them" in outcome.err, "retention_days = 0" in outcome.err) == (0, True, True)
    segued.config.write_text("[session]\nretention_days = 0\n")
    assert "of them" not in unserved.run("restore", "copy.db", "--yes").err


def dead_process() -> int:
    """Return the ID of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def unfinished_copy(folder: Path, process: int) -> Path:
    """Make the temporary directory of a restore by that process."""
    left = folder / f".segue-restore-{process}-ab"
    left.mkdir(mode=0o700)
    (left / "sessions.db").touch(mode=0o600)
    return left


def test_temporary_files_of_a_killed_restore_are_removed(segued: Segued, unserved: Cli, copy: Path) -> None:
    left = unfinished_copy(segued.database.parent, dead_process())
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert not left.exists()
    left = unfinished_copy(segued.database.parent, dead_process())
    backup = segued.database.with_name(f".segue-backup-{dead_process()}-ab")
    backup.touch(mode=0o600)
    segued.start()
    assert not left.exists()
    assert not backup.exists()


def test_temporary_files_of_a_running_restore_are_kept(segued: Segued, unserved: Cli, copy: Path) -> None:
    theirs = unfinished_copy(segued.database.parent, os.getpid())
    segued.start()
    assert segued.stop() == 0
    assert unserved.run("restore", "copy.db", "--yes").code == 0
    assert theirs.exists()
    shutil.rmtree(theirs)


def test_a_full_disk_changes_nothing(segued: Segued, unserved: Cli, copy: Path) -> None:
    outcome = unserved.shell(f"ulimit -f 8; exec segue restore {copy} --yes")
    assert (outcome.code, outcome.err.count("\n"), "cannot copy" in outcome.err) == (1, 1, True)
    assert session_ids(segued.database) == ["new", "old"]
    assert not list(segued.database.parent.glob(".segue*"))
