"""The changes to publish to other machines: one row for each thing that changed since it was published."""

import json
from typing import Literal, NamedTuple

from segue.store.engine.tx import Tx

Kind = Literal["bot", "session", "whole session", "message", "dead", "memory", "edges", "summary", "marker"]
"""Kinds of things. The reference is the row's id here, the uid of a session, the id of a bot, or of deleted rows the
kind, machine and id there as text. A marker asks for a batch, even for an empty one."""


class Dirty(NamedTuple):
    """A thing to publish."""

    number: int
    kind: Kind
    ref: str | int | bytes


def mark(tx: Tx, kind: Kind, ref: str | int | bytes) -> None:
    """Have the thing published."""
    tx.run("INSERT OR REPLACE INTO sync_dirty (kind, ref) VALUES (:kind, :ref)", kind=kind, ref=ref)


def take(tx: Tx, limit: int) -> list[Dirty]:
    """Return the first things to publish, bots and sessions before what refers to them."""
    rows = tx.run(
        """
        SELECT number, kind, ref FROM sync_dirty
        ORDER BY kind <> 'bot', kind NOT IN ('session', 'whole session'), number LIMIT :limit
        """,
        limit=limit,
    )
    return [Dirty(*row) for row in rows]


def settle(tx: Tx, numbers: str) -> None:
    """Forget what was published; a thing that changed since has another number. NUMBERS is a JSON array."""
    tx.run("DELETE FROM sync_dirty WHERE number IN (SELECT value FROM json_each(:numbers))", numbers=numbers)


def encode_numbers(taken: list[Dirty]) -> str:
    """Return the numbers as a JSON array."""
    return json.dumps([one.number for one in taken])


def version(tx: Tx) -> int:
    """Return a number that grows with every change to publish."""
    row = tx.run("SELECT seq FROM sqlite_sequence WHERE name = 'sync_dirty'").fetchone()
    return int(row[0]) if row else 0


def count(tx: Tx) -> int:
    """Return the number of things to publish."""
    return int(tx.run("SELECT count(*) FROM sync_dirty").fetchone()[0])
