"""A long system prompt is kept apart from its session's row, and nothing else changes."""

from pathlib import Path
from typing import Any

import pytest

from segue.store.records import session_update, sessions
from tests.support.database import Database

LONG = "é" * 2001
SHORT = "é" * 2000


def kept_apart(database: Database) -> dict[str, str]:
    return dict(database.tx.run("SELECT session_id, system_prompt FROM session_prompts").fetchall())


def in_row(database: Database, id: str) -> Any:
    return database.tx.run("SELECT system_prompt FROM sessions WHERE id = :id", id=id).fetchone()[0]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "s.db")


def test_a_prompt_is_read_as_it_was_given_whatever_its_length(database: Database) -> None:
    for id, prompt in (("none", None), ("empty", ""), ("short", SHORT), ("long", LONG)):
        database.session(id, system_prompt=prompt)
        assert sessions.get(database.tx, id).system_prompt == prompt
    assert kept_apart(database) == {"long": LONG}
    assert (in_row(database, "short"), in_row(database, "long")) == (SHORT, None)


def test_each_change_of_a_prompt_leaves_the_new_one_only(database: Database) -> None:
    database.session("s")
    for prompt in (LONG, LONG + "x", SHORT, LONG, None, LONG, ""):
        changed = session_update.update(database.tx, "s", {"system_prompt": prompt})
        assert changed.system_prompt == prompt
        assert sessions.get(database.tx, "s").system_prompt == prompt
        assert kept_apart(database) == ({"s": prompt} if prompt and len(prompt) > len(SHORT) else {})


def test_other_changes_keep_a_long_prompt(database: Database) -> None:
    database.session("s", system_prompt=LONG)
    session_update.update(database.tx, "s", {"name": "other", "pinned": True})
    database.append("s", "text")
    sessions.touch(database.tx, "s")
    assert sessions.get(database.tx, "s").system_prompt == LONG


def test_a_deletion_removes_a_long_prompt(database: Database) -> None:
    database.session("s", system_prompt=LONG)
    assert sessions.delete(database.tx, "s")
    assert kept_apart(database) == {}


def test_a_long_prompt_of_an_earlier_version_is_read_from_the_row(database: Database) -> None:
    database.session("s")
    database.tx.run("DROP TRIGGER prompt_changed")
    database.tx.run("UPDATE sessions SET system_prompt = :long WHERE id = 's'", long=LONG)
    assert sessions.get(database.tx, "s").system_prompt == LONG
