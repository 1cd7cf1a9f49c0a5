"""Inserting messages together stores what was given, whatever columns the statement names."""

import random
from pathlib import Path
from typing import Any

from segue.store.records.message import row
from tests.support.database import Database

COLUMNS = ("session_id", *row.DRAFT_COLUMNS, "resumed", "created_at")
VALUES: dict[str, tuple[Any, ...]] = {
    "is_summary": (False, True),
    "indexed": (True, False),
    "resumed": (False, True),
    "metadata": ("{}", '{"a":1}'),
    "state": ("complete", "streaming"),
}
NOT_NULL = ("session_id", "role", "content", "created_at")


def make_row(rng: random.Random) -> tuple[Any, ...]:
    """Return a row of values that are mostly the defaults of the table, as most messages are."""
    given: dict[str, Any] = {name: rng.choice((values[0], *values)) for name, values in VALUES.items()}
    numbers = {
        name: rng.choice((None, None, None, 0, 7)) for name in COLUMNS if name.endswith(("count", "tokens", "ms"))
    }
    texts = {name: rng.choice((None, None, "", "ä")) for name in COLUMNS if name not in (*given, *numbers, *NOT_NULL)}
    given |= numbers | texts | dict(zip(NOT_NULL, ("s", "user", "hello", "2026-11-28T19:00:00.000Z"), strict=True))
    return tuple(given[name] for name in COLUMNS)


def test_messages_are_stored_as_given(tmp_path: Path) -> None:
    database = Database(tmp_path / "sessions.db")
    rng = random.Random(1)
    for _ in range(200):
        rows = [make_row(rng) for _ in range(rng.choice((1, 1, 2, 5)))]
        first = row.insert_all(database.tx, rows)
        found = database.tx.run(
            f"SELECT {', '.join(COLUMNS)} FROM messages WHERE id >= :first ORDER BY id", first=first
        )
        assert found.fetchall() == rows
