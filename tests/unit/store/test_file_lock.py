"""One process serves a database file, whatever the file's name."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from segue.errors import AlreadyRunning
from segue.store.engine.file_lock import lock_database_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    path.touch(mode=0o600)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(AlreadyRunning) as caught, lock_database_file(path):
        pass
    assert caught.value.exit_code == 3
    return str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="flock affects SQLite's locks on other systems")
def test_a_second_holder_is_refused_until_the_first_releases_the_lock(path: Path) -> None:
    with lock_database_file(path):
        assert str(path) in refusal(path)
    with lock_database_file(path):
        pass


def test_a_hard_link_is_refused_with_both_names(path: Path) -> None:
    other = path.with_name("other.db")
    os.link(path, other)
    assert str(path) in refusal(path)
    assert str(other) in refusal(path)
    other.unlink()
    with lock_database_file(path):
        pass


def test_sqlite_reads_and_writes_under_the_lock(path: Path) -> None:
    with lock_database_file(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
