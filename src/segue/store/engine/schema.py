"""The check that a database has exactly the schema that the migrations make.

A trigger or view of another program runs inside the daemon's own transactions, and can change or delete messages.
"""

import re
import sqlite3
from contextlib import closing
from functools import cache

_TOKENS = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?:--[^\n]*|/\*.*?\*/|\s+)+", re.DOTALL)
"""A quoted text (group 1), or comments and white space."""

_SQLITE_TABLES = frozenset({"sqlite_sequence", "sqlite_stat1", "sqlite_stat4"})
"""Tables that SQLite creates when it needs them."""

_INDEX_TABLES = frozenset({f"message_words_{part}" for part in ("data", "idx", "content", "docsize", "config")})
"""Tables that FTS5 creates for `message_words`. Their SQL depends on the version of SQLite."""

Schema = dict[tuple[str, str], str]
"""The normalized SQL of each object, by type and name."""


def read_schema(connection: sqlite3.Connection) -> Schema:
    """Return the schema of the database, without the objects that SQLite makes by itself."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema")
    return {
        (kind, name): "" if kind == "table" and name in _INDEX_TABLES else normalize(str(sql))
        for kind, name, sql in rows
        if not (kind == "table" and name in _SQLITE_TABLES) and not (kind == "index" and sql is None)
    }


def normalize(sql: str) -> str:
    """Return SQL without comments and with single spaces."""
    return _TOKENS.sub(lambda found: found[1] or " ", sql).strip()


@cache
def expected_schema(scripts: tuple[str, ...]) -> Schema:
    """Return the schema that the migration scripts make in a new database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(";".join(scripts))
        return read_schema(connection)


def find_differences(connection: sqlite3.Connection, scripts: list[str]) -> list[str]:
    """Return a phrase for each object that differs from the schema of the migration scripts."""
    found, expected = read_schema(connection), expected_schema(tuple(scripts))
    return [
        f"{_describe(found.get(key), expected.get(key))} {key[0]} {key[1]!r}"
        for key in sorted(found.keys() | expected.keys())
        if found.get(key) != expected.get(key)
    ]


def _describe(found: str | None, expected: str | None) -> str:
    if expected is None:
        return "unexpected"
    return "missing" if found is None else "changed"
