"""The messages of users in a session are found by the figures for statistics, as by a look at every message."""

import random
from pathlib import Path

import pytest

from segue.store.records import messages
from segue.store.records.listing import page as session_list
from segue.store.records.message import edit
from segue.store.search import index
from segue.store.stats import figures
from tests.support.database import Database

SESSIONS = ("a", "b", "c")
CHANGES = ["append"] * 10 + ["count"] * 4 + ["jump"] * 2 + ["role", "delete", "before", "purge"]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return a database that counts messages as soon as three are there, at most three in a slice."""
    monkeypatch.setattr(figures, "LAG", 0)
    monkeypatch.setattr(figures, "SLICE_MESSAGES", 3)
    return Database(tmp_path / "sessions.db")


@pytest.mark.parametrize("seed", range(6))
def test_after_any_changes_the_messages_of_users_are_those_with_that_role(database: Database, seed: int) -> None:
    choice = random.Random(seed)
    for session in SESSIONS:
        database.session(session)
    for number in range(120):
        change(database, choice, f"text {number}")
        for session in SESSIONS:
            held = list(messages.backwards(database.tx, session, -1))
            of_users = [message for message in held if message.role == "user"]
            assert list(messages.user_messages_backwards(database.tx, session, -1)) == of_users
            shown = next(iter([*of_users[::-1], *held[::-1]]), None)
            [summary] = session_list.by_ids(database.tx, [session])
            assert summary.preview == (shown and shown.content)


def test_of_a_session_without_a_user_only_the_newest_messages_are_looked_at(database: Database) -> None:
    steps = {}
    for session, many in (("few", 20), ("many", 400)):
        database.session(session)
        for number in range(many):
            database.append(session, f"text {number}", role="assistant")
        count(database)
        steps[session] = vm_steps(database, session)
    assert steps["many"] < 2 * steps["few"]


def change(database: Database, choice: random.Random, text: str) -> None:
    kind, session = choice.choice(CHANGES), choice.choice(SESSIONS)
    ids = [message.id for message in messages.backwards(database.tx, session, -1)]
    if kind == "append":
        database.append(session, text, role=choice.choice(["user", "assistant", "tool", "tool"]))
    elif kind == "count":
        figures.step(database.tx, index.newest(database.tx))
    elif kind == "jump" and ids:
        newest = index.newest(database.tx) | 4095 - choice.randrange(4)
        database.connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (newest,))
    elif kind == "role" and ids:
        edit.update(database.tx, choice.choice(ids), {"role": choice.choice(["user", "assistant"])})
    elif kind == "delete" and ids:
        edit.delete(database.tx, session, message_ids=[choice.choice(ids)], keys=None)
    elif kind == "before" and ids:
        messages.delete_before(database.tx, session, choice.choice(ids))
    elif kind == "purge":
        database.purge()


def count(database: Database) -> None:
    while figures.is_due(database.tx, index.newest(database.tx)):
        figures.step(database.tx, index.newest(database.tx))


def vm_steps(database: Database, session: str) -> int:
    """Return how many tens of steps SQLite takes to find the messages of users for a list and for a context."""
    steps = 0

    def add() -> int:
        nonlocal steps
        steps += 1
        return 0

    database.connection.set_progress_handler(add, 10)
    assert list(messages.user_messages_backwards(database.tx, session, -1)) == []
    [_] = session_list.by_ids(database.tx, [session])
    database.connection.set_progress_handler(None, 0)
    return steps
