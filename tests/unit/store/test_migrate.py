import sqlite3
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from segue.errors import StartError
from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.migrate import load_migrations, migrate, schema_version
from tests.support.wire import TIMEOUT_SECONDS

FIRST = "CREATE TABLE a (x); INSERT INTO a VALUES ('first');"
SECOND = "CREATE TABLE b (y); INSERT INTO b SELECT x FROM a; UPDATE a SET x = 'second';"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def dump(connection: sqlite3.Connection) -> list[str]:
    """Return the content of the file and of its header."""
    header = [str(connection.execute(f"PRAGMA {name}").fetchone()) for name in ("user_version", "application_id")]
    return [*header, *connection.iterdump()]


def refusal(connection: sqlite3.Connection, migrations: list[str]) -> str:
    """Return the reason of the refusal, which must leave the file unchanged."""
    before = dump(connection)
    with pytest.raises(StartError) as caught:
        migrate(connection, migrations)
    assert caught.value.exit_code == 1
    assert not connection.in_transaction
    assert dump(connection) == before
    return str(caught.value)


def test_a_new_file_gets_every_step_and_the_application_id(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND])
    assert schema_version(connection) == 2
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("SELECT x FROM a").fetchall() == [("second",)]
    assert connection.execute("SELECT y FROM b").fetchall() == [("first",)]


def test_an_older_file_gets_only_the_missing_steps(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST])
    connection.execute("INSERT INTO a VALUES ('mine')")
    migrate(connection, [FIRST, SECOND])
    assert connection.execute("SELECT y FROM b").fetchall() == [("first",), ("mine",)]
    after = dump(connection)
    migrate(connection, [FIRST, SECOND])
    assert dump(connection) == after


BROKEN = {
    "at the start": "NONSENSE; CREATE TABLE c (z);",
    "in the middle": "CREATE TABLE c (z); INSERT INTO none VALUES (1); CREATE TABLE d (z);",
    "at the end": "CREATE TABLE c (z); DELETE FROM a; DROP TABLE a; INSERT INTO c VALUES (1, 2);",
    "by a constraint": "CREATE TABLE c (z UNIQUE); INSERT INTO c VALUES (1), (2), (1);",
    "by its own rollback": "CREATE TABLE c (z UNIQUE); INSERT OR ROLLBACK INTO c VALUES (1), (1);",
    "incomplete": "CREATE TABLE c (z); CREATE TABLE",
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_a_failed_step_leaves_the_file_unchanged(connection: sqlite3.Connection, path: Path, script: str) -> None:
    migrate(connection, [FIRST])
    before = path.read_bytes()
    assert "step 2 failed, nothing was changed" in refusal(connection, [FIRST, script])
    assert refusal(connection, [FIRST, script]).startswith("migration: ")
    assert path.read_bytes() == before
    migrate(connection, [FIRST, SECOND])
    assert schema_version(connection) == 2


def test_the_steps_before_a_failed_one_are_kept(connection: sqlite3.Connection) -> None:
    with pytest.raises(StartError):
        migrate(connection, [FIRST, SECOND, "NONSENSE"])
    assert schema_version(connection) == 2
    migrate(connection, [FIRST, SECOND, "CREATE TABLE c (z)"])
    assert schema_version(connection) == 3


def test_a_full_disk_leaves_the_file_unchanged(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST])
    pages = connection.execute("PRAGMA max_page_count = 1").fetchone()[0]
    large = "CREATE TABLE c (z); INSERT INTO c VALUES (zeroblob(1000000));"
    assert "step 2 failed, nothing was changed" in refusal(connection, [FIRST, large])
    connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    migrate(connection, [FIRST, large])


def test_a_file_of_a_newer_segue_is_refused_with_both_versions(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND])
    reason = refusal(connection, [FIRST])
    assert reason.startswith("migration: ")
    assert "schema 2" in reason
    assert "up to 1" in reason


FOREIGN = ["CREATE TABLE t (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7", "CREATE VIEW v AS SELECT 1"]


@pytest.mark.parametrize("statement", FOREIGN)
def test_another_programs_file_is_refused(connection: sqlite3.Connection, statement: str) -> None:
    connection.execute(statement)
    assert refusal(connection, [FIRST]).startswith("database: ")


def test_two_concurrent_migrations_apply_each_step_once(path: Path) -> None:
    """The lock prevents two daemons; even without it no step is applied twice."""
    barrier = threading.Barrier(2)
    failures: list[str] = []

    def run() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            barrier.wait(TIMEOUT_SECONDS)
            migrate(connection, [FIRST, SECOND])
        except StartError as error:
            failures.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) < 2, failures
    connection = sqlite3.connect(path)
    assert schema_version(connection) == 2
    assert connection.execute("SELECT x FROM a").fetchall() == [("second",)]
    assert connection.execute("SELECT y FROM b").fetchall() == [("first",)]
    connection.close()


def test_the_scripts_are_numbered_without_gaps() -> None:
    names = sorted(
        entry.name
        for entry in resources.files("segue.store").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    assert names == [f"{number:04}.sql" for number in range(1, len(names) + 1)]
    assert len(load_migrations()) == len(names) > 0


@pytest.mark.parametrize(
    "names", [["0002.sql"], ["0001.sql", "0003.sql"], ["0001.sql", "2.sql"], ["0001.sql", "0002_more.sql"]]
)
def test_a_gap_in_the_numbers_is_a_broken_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("SELECT 1;")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(StartError) as caught:
        load_migrations()
    assert str(caught.value).startswith("migration: ")


def test_other_files_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name in ("0002.sql", "0001.sql", "README", "0003.sql~"):
        (folder / name).write_text(name)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    assert load_migrations() == ["0001.sql", "0002.sql"]


def test_the_scripts_make_a_sound_file_of_strict_tables(connection: sqlite3.Connection) -> None:
    migrations = load_migrations()
    migrate(connection, migrations)
    assert schema_version(connection) == len(migrations)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
    names = dict(tables.fetchall())
    assert {"bots", "sessions", "messages", "memories", "summaries", "extractions"} <= set(names)
    assert [name for name, strict in names.items() if not strict and not name.startswith("sqlite_")] == []
    assert connection.execute("SELECT id FROM bots").fetchall() == [("default",)]
