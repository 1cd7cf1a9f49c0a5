"""`segue restore` refuses a file that is not a sound backup, and changes nothing."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.migrate import load_migrations
from tests.process.command_line import Cli
from tests.support.process import Segued
from tests.support.system.copies import rows, session_ids
from tests.support.system.users import AM_ROOT, NOBODY


def empty(copy: Path) -> None:
    copy.write_bytes(b"")


def missing(copy: Path) -> None:
    copy.unlink()


def text_file(copy: Path) -> None:
    copy.write_text("a text that is long enough to have a header " * 10)


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


def with_trigger(copy: Path) -> None:
    execute(copy, "CREATE TRIGGER spy AFTER INSERT ON messages BEGIN UPDATE messages SET content = ''; END")


def with_view(copy: Path) -> None:
    execute(copy, "CREATE VIEW spy AS SELECT * FROM messages")


def with_index(copy: Path) -> None:
    execute(copy, "CREATE INDEX spy ON messages (content)")


def with_changed_trigger(copy: Path) -> None:
    execute(copy, "DROP TRIGGER session_deleted")
    execute(copy, "CREATE TRIGGER session_deleted AFTER DELETE ON sessions BEGIN DELETE FROM messages; END")


def with_trigger_named_as_index_table(copy: Path) -> None:
    execute(copy, "CREATE TRIGGER spy AFTER INSERT ON messages BEGIN DELETE FROM messages; END")
    execute(
        copy, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = 'message_words_data' WHERE name = 'spy'"
    )


def with_the_last_id(copy: Path) -> None:
    execute(copy, "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'messages'")


def with_the_last_order_of_use(copy: Path) -> None:
    execute(copy, "UPDATE sessions SET activity = 9223372036854775807 WHERE id = 'old'")


def of_another_user(copy: Path) -> None:
    os.chown(copy, NOBODY, NOBODY)


def with_wal_of_another_user(copy: Path) -> None:
    wal = Path(f"{copy}-wal")
    wal.write_bytes(b"")
    os.chown(wal, NOBODY, NOBODY)


def with_link_of_another_user(copy: Path) -> None:
    own = copy.with_name("own")
    own.write_bytes(b"")
    Path(f"{copy}-wal").symlink_to(own)
    os.chown(f"{copy}-wal", NOBODY, NOBODY, follow_symlinks=False)


OF_OTHERS = (of_another_user, with_wal_of_another_user, with_link_of_another_user)


def newer(copy: Path) -> None:
    execute(copy, f"PRAGMA user_version = {len(load_migrations()) + 1}")


def unfinished(copy: Path) -> None:
    Path(f"{copy}-journal").write_text("x")


def execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(sql)


WRONG: dict[Callable[[Path], None], str] = {
    empty: "empty",
    missing: "no such file",
    text_file: "not a SQLite database",
    directory: "not a file",
    pipe: "not a file",
    cut: "malformed",
    corrupt: "damaged",
    junk_in_a_page: "is damaged",
    header_only: "malformed",
    foreign: "another program",
    unmarked: "another program",
    never_filled: "never filled",
    without_tables: "schema",
    with_trigger: "unexpected trigger 'spy'",
    with_view: "unexpected view 'spy'",
    with_index: "unexpected index 'spy'",
    with_changed_trigger: "changed trigger 'session_deleted'",
    with_the_last_id: "the last ID of table messages is 9223372036854775807",
    with_the_last_order_of_use: "the order of use of a session is 9223372036854775807",
    with_trigger_named_as_index_table: "malformed database schema",
    **(dict.fromkeys(OF_OTHERS, "belongs to user") if AM_ROOT else {}),
    newer: "upgrade segue",
    unfinished: "-journal",
}


@pytest.mark.parametrize("spoil", WRONG)
def test_an_unusable_file_is_refused_and_changes_nothing(
    segued: Segued, unserved: Cli, copy: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(copy)
    before = {path.name: path.read_bytes() for path in segued.database.parent.iterdir()}
    outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert WRONG[spoil] in outcome.err
    assert "***" not in outcome.err
    assert {path.name: path.read_bytes() for path in segued.database.parent.iterdir()} == before


def test_the_database_itself_is_refused_under_any_name(segued: Segued, unserved: Cli, copy: Path) -> None:
    copy.with_name("hard.db").hardlink_to(segued.database)
    copy.with_name("soft.db").symlink_to(segued.database)
    for name in (str(segued.database), "hard.db", "soft.db"):
        outcome = unserved.run("restore", name, "--yes")
        assert (outcome.code, "the database itself" in outcome.err) == (1, True)


def test_a_missing_path_or_terminal_is_a_usage_error(unserved: Cli, segued: Segued, copy: Path) -> None:
    for arguments in (["restore"], ["restore", ""], ["restore", "copy.db"]):
        assert unserved.run(*arguments).code == 2
    assert unserved.run("restore", "a\x1b[2J", "--yes").err.count("\x1b") == 0
    assert session_ids(segued.database) == ["new", "old"]


def test_a_file_of_another_program_is_not_replaced(segued: Segued, unserved: Cli, copy: Path) -> None:
    segued.database.unlink()
    execute(segued.database, "CREATE TABLE t (x)")
    segued.database.chmod(0o600)
    assert unserved.run("restore", "copy.db", "--yes").code == 1
    assert rows(segued.database, "SELECT name FROM sqlite_schema") == [("t",)]
    segued.database.unlink()
    segued.database.symlink_to(copy)
    assert unserved.run("restore", str(copy), "--yes").code == 1
    segued.database.unlink()


def test_a_damaged_backup_does_not_stop_the_daemon(segued: Segued, unserved: Cli, copy: Path) -> None:
    segued.start()
    cut(copy)
    assert unserved.run("restore", "copy.db", "--yes", "--stop").code == 1
    assert segued.connect().call("daemon.ping") == "pong"
