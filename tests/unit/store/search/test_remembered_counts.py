"""A remembered number of matches is the number that the index has, after every kind of change."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from segue.store.engine.connection import Reader, connect_reader
from segue.store.engine.tx import Tx
from segue.store.records import messages, session_update, sessions
from segue.store.records.listing import page as session_list
from segue.store.records.message import edit
from segue.store.search import index, search, word_search
from segue.store.search.request import Filter, Request
from tests.support.clock import START_MS
from tests.support.database import Database

QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("zebra", {}),
    ("zebra lion", {}),
    ("zebra", {"session_id": "s1"}),
    ("zebra", {"role": "user"}),
    ("plan*", {}),
]
TEXTS = ["zebra", "zebra lion", "lion", "a plan zebra", "none"]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(word_search, "REMEMBERED", 1)
    database = Database(tmp_path / "sessions.db")
    for number in range(3):
        database.session(f"s{number}")
    yield database
    database.close()


def open_readers(database: Database, stack: ExitStack, count: int) -> list[Reader]:
    """Connect readers that share a memory, as those of a store do."""
    path = Path(database.connection.execute("PRAGMA database_list").fetchone()[2])
    readers = [stack.enter_context(closing(connect_reader(path))) for _ in range(count)]
    for reader in readers:
        reader.memory = readers[0].memory
    return readers


def total(connection: Reader, query: str, filter: dict[str, Any]) -> int | None:
    request = Request(query, Filter(**filter), limit=1)
    return search.search(Tx(connection, START_MS), request, 60, session_list.by_ids).total


def forgetful_total(connection: Reader, query: str, filter: dict[str, Any]) -> int | None:
    remembered, connection.memory = connection.memory, {}
    try:
        return total(connection, query, filter)
    finally:
        connection.memory = remembered


def change(database: Database, choice: random.Random) -> None:
    """Change messages in one of the ways that clients and jobs do."""
    tx = database.tx
    session = f"s{choice.randrange(3)}"
    start = messages.held_from(tx, session)
    held = [id for (id,) in tx.run("SELECT id FROM messages WHERE session_id = :id AND id >= :s", id=session, s=start)]

    def change_text() -> None:
        if held:
            edit.update(tx, choice.choice(held), {"content": choice.choice(TEXTS)})

    def delete_session() -> None:
        sessions.delete(tx, session)
        database.purge()
        database.session(session)

    ways: list[Callable[[], object]] = [
        *[lambda: [database.append(session, choice.choice(TEXTS), role="user") for _ in range(3)]] * 4,
        change_text,
        lambda: messages.delete_before(tx, session, choice.choice(held) if held else 1),
        lambda: session_update.update(tx, session, {"name": choice.choice(["plan", "zebra lion", "b"])}),
        database.purge,
        database.merge,
        delete_session,
        lambda: index.reset(tx),
    ]
    choice.choice(ways)()


@pytest.mark.parametrize("seed", range(3))
def test_a_remembered_count_is_right_after_every_change(database: Database, seed: int) -> None:
    choice = random.Random(seed)
    with ExitStack() as stack:
        newest, older = open_readers(database, stack, 2)
        for step in range(60):
            database.connection.execute("BEGIN")
            change(database, choice)
            if choice.randrange(3):
                database.catch_up()
            database.connection.execute("COMMIT")
            if step % 10 == 0:  # A transaction that is older than what the other one remembers.
                if older.in_transaction:
                    older.execute("COMMIT")
                older.execute("BEGIN")
            for connection in (newest, older):
                for query, filter in QUERIES:
                    assert total(connection, query, filter) == forgetful_total(connection, query, filter), step
        assert newest.memory["counts"]


def test_only_the_messages_that_were_added_are_counted(database: Database) -> None:
    with ExitStack() as stack:
        (reader,) = open_readers(database, stack, 1)
        statements: list[str] = []
        reader.set_trace_callback(statements.append)

        def counts() -> list[str]:
            found = [one for one in statements if one.startswith("SELECT count(*) FROM message_words")]
            statements.clear()
            return found

        database.append("s0", "zebra")
        database.catch_up()
        assert total(reader, "zebra", {}) == 1
        assert len(counts()) == 1
        assert total(reader, "zebra", {}) == 1
        assert counts() == []
        upto = database.append("s0", "zebra") - 1
        database.catch_up()
        assert total(reader, "zebra", {}) == 2
        assert [f"rowid >= {upto + 1}" in one for one in counts()] == [True]


def test_a_count_of_words_that_are_partly_in_names_is_right_after_a_rename(database: Database) -> None:
    with ExitStack() as stack:
        (reader,) = open_readers(database, stack, 1)
        for session in ("s0", "s1"):
            session_update.update(database.tx, session, {"name": "lion"})
            database.append(session, "zebra")
        database.catch_up()
        assert total(reader, "zebra lion", {}) == 2
        session_update.update(database.tx, "s0", {"name": "other"})
        database.catch_up()
        assert total(reader, "zebra lion", {}) == 1
