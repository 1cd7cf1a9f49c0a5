"""The SQLite library of this Python."""

import sqlite3

from segue.errors import StartError

OLDEST_SQLITE = (3, 37, 0)
"""The first version with STRICT tables."""


def check_version() -> None:
    """Raise StartError if the library is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StartError("sqlite", f"version {sqlite3.sqlite_version} is too old; {oldest} or newer is needed")


def check_full_text_search(connection: sqlite3.Connection) -> None:
    """Raise StartError if the library cannot search texts."""
    if not connection.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0]:
        raise StartError("sqlite", "this SQLite is built without FTS5 (full-text search)")
