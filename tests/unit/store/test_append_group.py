"""Messages that are appended as a group give the rows, results and events of single appends."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from segue.errors import NotFound
from segue.events import DeferredData, Emitted
from segue.models import MAX_INTEGER, Draft
from segue.store.engine.transactions import GroupQuery, Memory, run_uncommitted
from segue.store.engine.tx import Tx
from segue.store.engine.write import WriteResult
from segue.store.records import append
from segue.store.records.message.append_group import PlainAppend, append_group, append_one
from segue.store.records.resolve import Place
from tests.support.clock import START_MS
from tests.support.database import Database

SESSIONS = ("named", "also named", "unnamed", "archived", "crashed", "missing")
HOUR_MS = 3_600_000


def make_database(path: Path) -> Database:
    database = Database(path)
    for id in SESSIONS[:-1]:
        database.session(id, name=None if id == "unnamed" else "plain")
    database.tx.run("UPDATE sessions SET status = 'crashed', ended_at = created_at WHERE id = 'crashed'")
    database.tx.run("UPDATE sessions SET working_dir = '/a' WHERE id IN ('named', 'crashed', 'archived')")
    database.tx.run("UPDATE sessions SET working_dir = '/b', project = '/p' WHERE id IN ('also named', 'unnamed')")
    database.tx.run("UPDATE sessions SET archived = 1 WHERE id = 'archived'")
    return database


def random_draft(rng: random.Random, number: int) -> Draft:
    return Draft(
        role=rng.choice(("user", "assistant", "tool")),
        content=rng.choice((f"message {number}", "")),
        parts=rng.choice((None, [{"type": "text", "text": f"ä {number}"}])),
        metadata=rng.choice((None, {"number": number})),
        input_tokens=rng.choice((None, number, MAX_INTEGER)),
        model=rng.choice((None, "m")),
    )


def random_target(rng: random.Random) -> str | Place:
    """Return the id of a session, or a place that one or two of them, or none, have."""
    if rng.random() < 0.5:
        return rng.choice(SESSIONS)
    return Place(
        rng.choice(("/a", "/b", "/none")),
        rng.choice(("default", "default", "default", "no bot")),
        rng.choice((None, "/p")),
        rng.choice(("directory", "project")),
        rng.choice((None, None, "t1", "t2")),
    )


def run(database: Database, queries: list[Any], memory: Memory | None = None, now: int = START_MS) -> list[WriteResult]:
    results = run_uncommitted(database.connection, now, queries, lambda: True, Memory() if memory is None else memory)
    assert results is not None
    database.connection.execute("COMMIT")
    return results


def outcome(result: WriteResult) -> tuple[Any, ...]:
    error = result.error and (type(result.error), str(result.error))
    return result.value, error, [event._replace(data=data_of(event)) for event in result.emitted]


def data_of(event: Emitted) -> Any:
    return event.data.build() if isinstance(event.data, DeferredData) else event.data


def rows(database: Database) -> tuple[list[Any], list[Any]]:
    """Return all messages, and the sessions in their order of use, without the number that gives the order."""
    messages = database.tx.run("SELECT * FROM messages ORDER BY id").fetchall()
    names = [row[1] for row in database.tx.run("PRAGMA table_info(sessions)") if row[1] != "activity"]
    return messages, database.tx.run(f"SELECT {', '.join(names)} FROM sessions ORDER BY activity").fetchall()


def test_a_group_equals_single_appends(tmp_path: Path) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        plain = [
            PlainAppend(random_target(rng), append.prepare(random_draft(rng, number), 2**20), rng.choice((0, HOUR_MS)))
            for number in range(50)
        ]
        single, grouped = make_database(tmp_path / f"{seed}a.db"), make_database(tmp_path / f"{seed}b.db")
        expected = run(single, [lambda tx, each=each: append_one(tx, each) for each in plain])
        found = run(grouped, [GroupQuery(append_one, append_group, each) for each in plain])
        assert [outcome(result) for result in found] == [outcome(result) for result in expected]
        assert rows(grouped) == rows(single)


CHANGES = (
    "UPDATE sessions SET status = 'crashed', ended_at = created_at WHERE id = 'named'",
    "UPDATE sessions SET status = 'completed' WHERE id = 'also named'",
    "UPDATE sessions SET name = NULL WHERE id = 'also named'",
    "UPDATE sessions SET archived = 1 - archived WHERE id = 'archived'",
    "UPDATE sessions SET working_dir = iif(working_dir = '/a', '/b', '/a') WHERE id = 'named'",
    "UPDATE sessions SET activity = (SELECT max(activity) + 1 FROM sessions) WHERE id = 'also named'",
    "DELETE FROM sessions WHERE id = 'named'",
)


def test_groups_that_remember_sessions_equal_single_appends(tmp_path: Path) -> None:
    for seed in range(12):
        rng = random.Random(seed)
        single, grouped = make_database(tmp_path / f"{seed}a.db"), make_database(tmp_path / f"{seed}b.db")
        memory, now = Memory(), START_MS
        for _ in range(12):
            now += rng.choice((0, 1, 1000, 1000, HOUR_MS - 1000, HOUR_MS, -1000))
            plain = [
                PlainAppend(random_target(rng), append.prepare(random_draft(rng, number), 2**20), HOUR_MS)
                for number in range(rng.randrange(1, 8))
            ]
            alone: list[Any] = [lambda tx, each=each: append_one(tx, each) for each in plain]
            together: list[Any] = [GroupQuery(append_one, append_group, each) for each in plain]
            change = rng.choice((None, None, None, *CHANGES))
            if change and rng.random() < 0.5:
                for queries in (alone, together):
                    queries.insert(len(plain) // 2, lambda tx, sql=change: tx.run(sql).rowcount)
            elif change:
                for database in (single, grouped):
                    write_as_another_program(database, change)
            expected, found = run(single, alone, now=now), run(grouped, together, memory, now)
            assert [outcome(result) for result in found] == [outcome(result) for result in expected]
            assert rows(grouped) == rows(single)


def write_as_another_program(database: Database, sql: str) -> None:
    [(_, _, path)] = database.connection.execute("PRAGMA database_list").fetchall()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(sql)


def test_a_group_after_a_group_reads_no_session_again(tmp_path: Path) -> None:
    database, memory = make_database(tmp_path / "s.db"), Memory()
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    queries = [
        GroupQuery(append_one, append_group, PlainAppend(target, new, HOUR_MS))
        for target in (Place("/a", "default"), "named")
    ]
    database.tx.run("UPDATE sessions SET name = 'n', status = 'active'")
    run(database, queries, memory)
    statements: list[str] = []
    database.connection.set_trace_callback(statements.append)
    run(database, queries, memory)
    assert [sql.split()[0] for sql in statements if "FROM sessions WHERE" in sql] == []
    run(database, [lambda tx: None, *queries], memory)
    assert [sql.split()[0] for sql in statements if "FROM sessions WHERE" in sql] != []


def test_a_change_by_another_program_is_found(tmp_path: Path) -> None:
    database, memory = make_database(tmp_path / "s.db"), Memory()
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    query = GroupQuery(append_one, append_group, PlainAppend("named", new))
    run(database, [query], memory)
    write_as_another_program(database, "UPDATE sessions SET status = 'crashed' WHERE id = 'named'")
    run(database, [query], memory)
    assert database.tx.run("SELECT status FROM sessions WHERE id = 'named'").fetchone() == ("active",)
    write_as_another_program(database, "DELETE FROM sessions WHERE id = 'named'")
    [result] = run(database, [query], memory)
    assert isinstance(result.error, NotFound)


def test_a_group_updates_each_session_once(tmp_path: Path) -> None:
    database = make_database(tmp_path / "s.db")
    statements: list[str] = []
    database.connection.set_trace_callback(statements.append)
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    run(database, [GroupQuery(append_one, append_group, PlainAppend("named", new))] * 10)
    assert len([sql for sql in statements if "UPDATE sessions" in sql]) == 1
    assert database.tx.run("SELECT message_count FROM sessions WHERE id = 'named'").fetchone() == (10,)


def test_a_group_of_places_is_one_insert_if_each_has_its_own_session(tmp_path: Path) -> None:
    database = make_database(tmp_path / "s.db")
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    database.tx.run("UPDATE sessions SET name = 'n', status = 'active'")
    statements: list[str] = []
    database.connection.set_trace_callback(statements.append)
    places = [Place("/a", "default"), Place("/b", "default"), Place("/a", "default"), Place("/b", "default")]
    results = run(
        database, [GroupQuery(append_one, append_group, PlainAppend(place, new, HOUR_MS)) for place in places]
    )
    assert [result.value.resumed for result in results] == [True] * 4
    inserts = [index for index, sql in enumerate(statements) if "INSERT INTO messages" in sql]
    assert len(inserts) == inserts[-1] - inserts[0] + 1 == 4
    assert len([sql for sql in statements if "UPDATE sessions" in sql]) == 2


def test_a_group_without_any_session_stores_nothing(tmp_path: Path) -> None:
    database = make_database(tmp_path / "s.db")
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    results = append_group(Tx(database.connection, START_MS), [PlainAppend("missing", new)] * 3)
    assert [type(result.error) for result in results] == [NotFound] * 3
    assert rows(database)[0] == []
