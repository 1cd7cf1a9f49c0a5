"""A list has the sessions that pass its filter, in its order, whichever way SQLite finds them."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from segue.errors import InvalidParams
from segue.models import SessionOrder
from segue.store.engine.connection import Reader, connect_reader, connect_writer
from segue.store.engine.tx import Tx
from segue.store.records.listing import filter as session_filter
from segue.store.records.listing.filter import Filter
from segue.store.records.listing.page import Window, list_page
from segue.timestamps import timestamp

SESSIONS = 200
NOW = 1_795_271_400_123
ORDERS: list[SessionOrder] = ["last_message_at", "created_at", "updated_at"]
NAMES = [None, "Plan", "a plan_b", "100% PLAN", "Straße plan", "STRASSE", "İstanbul", "\u212a\\", "寿司 Plan"]
TEXTS = ["", "plan", "PLAN", "_", "%", "\\", "ss", "K", "寿", "n\0", "zzz", "i̇", "x" * 60_000]
CHOICES: dict[str, list[Any]] = {
    "working_dir": ["/a", "/b"],
    "bot_id": ["default", "ada"],
    "status": ["active", "completed"],
    "id_prefix": ["s-", "s-1", "S", "s-1\xff", ""],
    "name_contains": TEXTS,
    "pinned": [True, False],
    "project": ["/p"],
    "archived": [True, False, False, False],
    "parent_id": ["s-1", "none"],
    "source": ["tool", ""],
    "tags": [["x"], ["x", "y"], []],
    "metadata": [{"k": 1}, {}, {"segue.kind": "store"}, {"segue.kind": "other"}],
}


class Made(NamedTuple):
    """The columns of a session."""

    id: str
    bot_id: str
    working_dir: str | None
    name: str | None
    status: str
    pinned: int
    activity: int
    created_at: str
    updated_at: str
    last_message_at: str
    metadata: str
    project: str | None
    tags: str
    archived: int
    parent_id: str | None
    source_tool: str | None
    source_id: str | None


def make(choice: random.Random, number: int, latest: int) -> Made:
    """Return a session; many have equal times, and half were last changed by a message."""
    created, last, updated = sorted(NOW - 5000 + 1000 * choice.randrange(latest) for _ in range(3))
    source = choice.choice([None, None, "tool"])
    return Made(
        id=f"s-{number}",
        bot_id=choice.choice(["default", "default", "ada"]),
        working_dir=choice.choice([None, "/a", "/b"]),
        name=choice.choice(NAMES),
        status=choice.choice(["active", "completed", "crashed"]),
        pinned=choice.randrange(8) // 7,
        activity=number + 1,
        created_at=timestamp(created),
        updated_at=timestamp(choice.choice([last, updated])),
        last_message_at=timestamp(last),
        metadata=choice.choice(["{}", "{}", '{"k":1}', '{"segue.kind":"store"}', '{"segue.kind":"other"}']),
        project=choice.choice([None, "/p"]),
        tags=choice.choice(["[]", "[]", '["x"]', '["x","y"]']),
        archived=choice.randrange(6) // 5,
        parent_id=choice.choice([None, None, "s-1"]),
        source_tool=source,
        source_id=source and str(number),
    )


def store(path: Path, made: list[Made]) -> None:
    """Make a database of the sessions."""
    with closing(connect_writer(path, "normal")) as connection:
        connection.execute("INSERT INTO bots (id, name, created_at) VALUES ('ada', 'ada', '')")
        marks = ", ".join("?" for _ in Made._fields)
        connection.executemany(f"INSERT INTO sessions ({', '.join(Made._fields)}) VALUES ({marks})", made)


def passes(session: Made, given: dict[str, Any]) -> bool:
    """Return True if the session passes the filter."""
    kinds = given.get("metadata") or {}
    if '"store"' in session.metadata and "segue.kind" not in kinds and not given.get("id_prefix"):
        return False
    tests: dict[str, Callable[[Any], bool]] = {
        "id_prefix": lambda value: session.id.startswith(value),
        "name_contains": lambda value: value.casefold() in (session.name or "").casefold(),
        "source": lambda value: (session.source_tool or "") == value,
        "tags": lambda value: all(f'"{tag}"' in session.tags for tag in value),
        "metadata": lambda value: all(f'"{k}":{v!r}'.replace("'", '"') in session.metadata for k, v in value.items()),
    }
    return all(
        tests[name](value) if name in tests else getattr(session, name) == value for name, value in given.items()
    )


@pytest.fixture(params=[6, 1], ids=["with times in the future", "without"])
def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Reader, list[Made]]]:
    choice = random.Random(request.param)
    made = [make(choice, number, 5 + request.param) for number in range(SESSIONS)]
    store(tmp_path / "sessions.db", made)
    with closing(connect_reader(tmp_path / "sessions.db")) as reader:
        yield reader, made


@pytest.mark.parametrize("few", [0, 10, 1000])
def test_a_list_has_the_sessions_that_pass_its_filter_in_its_order(
    sessions: tuple[Reader, list[Made]], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    connection, made = sessions
    monkeypatch.setattr(session_filter, "FEW", few)
    choice = random.Random(few)
    for round in range(60):
        names = choice.sample(sorted(CHOICES), choice.choice([0, 1, 1, 2, 3]))
        given = {name: choice.choice(CHOICES[name]) for name in names}
        order, limit, offset = ORDERS[round % 3], choice.choice([1, 7, 300]), choice.choice([0, 0, 3, 2**63 - 1])

        def key(session: Made, order: str = order) -> tuple[str, int]:
            return min(getattr(session, order), timestamp(NOW)), session.activity

        expected = [one.id for one in sorted(made, key=key, reverse=True) if passes(one, given)]
        found: list[str] = []
        cursor = None
        while True:
            window = Window(order, limit, 0 if cursor else offset, cursor)
            page = list_page(Tx(connection, NOW), Filter(**given), window)
            assert page.total == len(expected), given
            found += [session.id for session in page.sessions]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == expected[offset:], (given, order, limit, offset)


def test_a_cursor_of_another_order_is_refused_also_without_sessions(sessions: tuple[Reader, list[Made]]) -> None:
    tx = Tx(sessions[0], NOW)
    cursor = list_page(tx, Filter(), Window(limit=1)).next_cursor
    for filter in (Filter(), Filter(id_prefix="none")):
        with pytest.raises(InvalidParams, match="not a cursor of a list by created_at"):
            list_page(tx, filter, Window("created_at", cursor=cursor))


def test_a_damaged_name_does_not_stop_a_search_of_names(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    made = [make(random.Random(1), number, 5)._replace(name="Ünder") for number in range(3)]
    store(path, made)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sessions SET name = CAST(x'c39cff' AS TEXT) WHERE id = 's-1'")
        connection.commit()
    with closing(connect_reader(path)) as reader:
        page = list_page(Tx(reader, NOW), Filter(name_contains="ünd"), Window())
    assert {session.id for session in page.sessions} == {"s-0", "s-2"}
