"""Messages that are appended as a group give the rows, results and events of single appends."""

import random
from pathlib import Path
from typing import Any

from segue.errors import NotFound
from segue.models import MAX_INTEGER, Draft
from segue.store.engine.transactions import GroupQuery, run_uncommitted
from segue.store.engine.tx import Tx
from segue.store.engine.write import WriteResult
from segue.store.records import append
from segue.store.records.message.append_group import PlainAppend, append_group, append_one
from tests.support.clock import START_MS
from tests.support.database import Database

SESSIONS = ("named", "also named", "unnamed", "crashed", "missing")


def make_database(path: Path) -> Database:
    database = Database(path)
    for id in SESSIONS[:-1]:
        database.session(id, name=None if id == "unnamed" else "plain")
    database.tx.run("UPDATE sessions SET status = 'crashed', ended_at = created_at WHERE id = 'crashed'")
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


def run(database: Database, queries: list[Any]) -> list[WriteResult]:
    results = run_uncommitted(database.connection, START_MS, queries, lambda: True)
    assert results is not None
    database.connection.execute("COMMIT")
    return results


def outcome(result: WriteResult) -> tuple[Any, ...]:
    error = result.error and (type(result.error), str(result.error))
    return result.value, error, result.emitted


def rows(database: Database) -> tuple[list[Any], list[Any]]:
    """Return all messages, and the sessions in their order of use, without the number that gives the order."""
    messages = database.tx.run("SELECT * FROM messages ORDER BY id").fetchall()
    names = [row[1] for row in database.tx.run("PRAGMA table_info(sessions)") if row[1] != "activity"]
    return messages, database.tx.run(f"SELECT {', '.join(names)} FROM sessions ORDER BY activity").fetchall()


def test_a_group_equals_single_appends(tmp_path: Path) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        plain = [
            PlainAppend(rng.choice(SESSIONS), append.prepare(random_draft(rng, number), 2**20)) for number in range(50)
        ]
        single, grouped = make_database(tmp_path / f"{seed}a.db"), make_database(tmp_path / f"{seed}b.db")
        expected = run(single, [lambda tx, each=each: append_one(tx, each) for each in plain])
        found = run(grouped, [GroupQuery(append_one, append_group, each) for each in plain])
        assert [outcome(result) for result in found] == [outcome(result) for result in expected]
        assert rows(grouped) == rows(single)


def test_a_group_updates_each_session_once(tmp_path: Path) -> None:
    database = make_database(tmp_path / "s.db")
    statements: list[str] = []
    database.connection.set_trace_callback(statements.append)
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    run(database, [GroupQuery(append_one, append_group, PlainAppend("named", new))] * 10)
    assert len([sql for sql in statements if "UPDATE sessions" in sql]) == 1
    assert database.tx.run("SELECT message_count FROM sessions WHERE id = 'named'").fetchone() == (10,)


def test_a_group_without_any_session_stores_nothing(tmp_path: Path) -> None:
    database = make_database(tmp_path / "s.db")
    new = append.prepare(Draft(role="user", content="x"), 2**20)
    results = append_group(Tx(database.connection, START_MS), [PlainAppend("missing", new)] * 3)
    assert [type(result.error) for result in results] == [NotFound] * 3
    assert rows(database)[0] == []
