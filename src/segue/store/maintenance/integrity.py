"""Integrity checks of the database for daemon.check."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from segue.runtime.progress import Progress
from segue.store.engine.database_file import wide_files
from segue.store.engine.migrate import load_migrations
from segue.store.engine.schema import find_differences
from segue.store.engine.tx import Tx

INDEX_CHECKS = 2
"""Checks of the search index that follow in a full check."""

LARGEST_NUMBER = 2**62
"""Half of the numbers that SQLite has for IDs. No use of segue reaches it."""

PROBLEMS = 100
"""Problems of one kind that a check reports, because a broken file may have millions."""


def check(tx: Tx, path: Path, progress: Progress, *, full: bool) -> list[str]:
    """Return a sentence for each problem of modes, schema and pages, and if FULL also of references and numbers.

    Each begins with its kind, such as `modes` or `counters`, by which the command line suggests a fix.
    """
    problems = [f"modes: {text}" for text in wide_files(path)]
    steps = FULL if full else QUICK
    for number, (step, find) in enumerate(steps.items()):
        progress.set(step, number, len(steps) + (INDEX_CHECKS if full else 0), "checks")
        try:
            problems += find(tx)
        except sqlite3.DatabaseError as error:
            problems.append(f"file: cannot be read to its end: {_damage(error)}")
    return list(dict.fromkeys(problems))


def _schema(tx: Tx) -> list[str]:
    differences = find_differences(tx.connection, load_migrations())[:PROBLEMS]
    return [f"schema: another program made a change: {difference}" for difference in differences]


def _pages(tx: Tx) -> list[str]:
    return _check_pages(tx, "integrity_check")


def _pages_quickly(tx: Tx) -> list[str]:
    return _check_pages(tx, "quick_check")


def _check_pages(tx: Tx, pragma: str) -> list[str]:
    """Return the findings of SQLite, which name the page. If it stops at a table's rows, also name the table.

    SQLite takes the check of a file for the check of one table if the first table in its hash is virtual, and then
    leaves out the free list. The check of the table sqlite_schema has it.
    """
    try:
        found = _findings(tx.run(f"PRAGMA {pragma}({PROBLEMS})"))
        return found + _findings(tx.run(f"PRAGMA {pragma}('sqlite_schema')"))
    except sqlite3.DatabaseError as error:
        _damage(error)
    # The first row holds the findings about pages. The sqlite3 module drops it if the step after it fails.
    found = _check_part(tx, f"SELECT {pragma} FROM pragma_{pragma}({PROBLEMS}) LIMIT 1", "the file")
    for (table,) in tx.run("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall():
        found += _check_part(tx, f"PRAGMA {pragma}('{table}')", f"table {table}")
    return found


def _check_part(tx: Tx, sql: str, part: str) -> list[str]:
    try:
        return _findings(tx.run(sql))
    except sqlite3.DatabaseError as error:
        return [f"file: {part} cannot be read to its end: {_damage(error)}"]


def _damage(error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
    """Return ERROR if it reports a damaged file; raise any other."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        raise error
    return error


def _findings(rows: Iterable[tuple[str]]) -> list[str]:
    """Split the rows into lines, because one row of SQLite may hold many."""
    lines = [line for (text,) in rows for line in text.splitlines()]
    return [f"file: {line}" for line in lines if line and line != "ok" and not line.startswith("***")]


def _references(tx: Tx) -> list[str]:
    broken = tx.run("PRAGMA foreign_key_check").fetchmany(PROBLEMS)
    problems = [
        f"references: row {row} of {table} refers to a missing row of {parent}" for table, row, parent, _ in broken
    ]
    orphans = tx.run(
        """
        SELECT session_id, count(*) FROM messages
        WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE id = session_id)
          AND NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)
        GROUP BY session_id LIMIT :limit
        """,
        limit=PROBLEMS,
    )
    return problems + [f"references: {count} messages without their session {id!r}" for id, count in orphans]


def _counters(tx: Tx) -> list[str]:
    wrong = tx.run(
        """
        SELECT s.id, s.message_count, count(m.id) AS held
        FROM sessions AS s
        LEFT JOIN purges AS p ON p.session_id = s.id
        LEFT JOIN messages AS m ON m.session_id = s.id AND m.id >= coalesce(p.before_id, 0)
        GROUP BY s.id HAVING held <> s.message_count LIMIT :limit
        """,
        limit=PROBLEMS,
    )
    return [f"counters: message_count of session {id!r} is {counter}, it holds {held}" for id, counter, held in wrong]


def find_exhausted_numbers(tx: Tx) -> list[str]:
    """Return a sentence for each number so large that soon no next one exists, because another program stored it."""
    found = tx.run(
        """
        SELECT 'the last ID of table ' || name, seq FROM sqlite_sequence WHERE seq > :most
        UNION ALL SELECT 'the largest ID of table messages', max(id) FROM messages HAVING max(id) > :most
        UNION ALL SELECT 'the order of use of a session', max(activity) FROM sessions HAVING max(activity) > :most
        UNION ALL SELECT 'the message_count of a session', max(message_count) FROM sessions
            HAVING max(message_count) > :most
        """,
        most=LARGEST_NUMBER,
    )
    return [f"numbers: {what} is {number}; soon there is no next one" for what, number in found]


QUICK = {"schema": _schema, "pages": _pages_quickly}
FULL = {
    "schema": _schema,
    "pages": _pages,
    "references": _references,
    "counters": _counters,
    "numbers": find_exhausted_numbers,
}
"""The checks by the names of their steps."""
