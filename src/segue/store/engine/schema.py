"""The schema of a database, in a form that two databases can be compared by."""

import re
import sqlite3

_TOKENS = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?:--[^\n]*|/\*.*?\*/|\s+)+", re.DOTALL)
"""A quoted text (group 1), or comments and white space."""

GENERATED = ("sqlite_", "message_words_")
"""The prefixes of objects that SQLite makes by itself, differently in each version."""


def read_schema(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Return the normalized SQL of each declared object, by type and name."""
    rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
    return {(kind, name): normalize(sql) for kind, name, sql in rows if not name.startswith(GENERATED)}


def normalize(sql: str) -> str:
    """Return SQL without comments and with single spaces."""
    return _TOKENS.sub(lambda found: found[1] or " ", sql).strip()
