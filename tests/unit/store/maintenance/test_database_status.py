"""The counts of daemon.status are exact, except for the messages of very many sessions, which are at most 10 s old."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.store.engine.connection import Reader, connect_reader
from segue.store.engine.tx import Tx
from segue.store.maintenance import database_status
from tests.support.clock import SECOND, START_MS
from tests.support.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Return a database of two sessions with one message each."""
    database = Database(tmp_path / "sessions.db")
    for id in ("a", "b"):
        database.append(database.session(id), "text")
    return database


@pytest.fixture
def reader(database: Database, tmp_path: Path) -> Iterator[Reader]:
    with closing(connect_reader(tmp_path / "sessions.db")) as reader:
        yield reader


def messages(reader: Reader, tmp_path: Path, now: int) -> int:
    return database_status.database_status(Tx(reader, now), tmp_path / "sessions.db").messages


def test_messages_of_few_sessions_are_counted_each_time(database: Database, reader: Reader, tmp_path: Path) -> None:
    assert messages(reader, tmp_path, START_MS) == 2
    database.append("a", "text")
    assert messages(reader, tmp_path, START_MS) == 3


def test_messages_of_many_sessions_are_counted_again_after_ten_seconds_or_a_jump_of_the_clock(
    database: Database, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_status, "MANY_SESSIONS", 1)
    assert messages(reader, tmp_path, START_MS) == 2
    database.append("a", "text")
    assert messages(reader, tmp_path, START_MS + 10 * SECOND - 1) == 2
    assert messages(reader, tmp_path, START_MS + 10 * SECOND) == 3
    database.append("b", "text")
    assert messages(reader, tmp_path, START_MS) == 4
