"""The state of the file: how much it holds, and whether it is sound."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from segue.results import DatabaseStatus
from segue.store.engine.database_file import wide_files
from segue.store.engine.tx import Tx
from segue.store.search import index

PROBLEMS = 100
"""Problems of one kind that are told: a broken file may have millions."""


def status(tx: Tx, path: Path) -> DatabaseStatus:
    """How much the file holds; messages are counted by their sessions' counters."""
    sessions, messages = tx.run("SELECT count(*), coalesce(sum(message_count), 0) FROM sessions").fetchone()
    return DatabaseStatus(
        path=str(path),
        bytes=tx.run("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0],
        wal_bytes=_size(path.with_name(path.name + "-wal")),
        schema_version=tx.run("PRAGMA user_version").fetchone()[0],
        sessions=sessions,
        messages=messages,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # removed under us, which the daemon's watch tells
        return 0


def look(tx: Tx, path: Path) -> tuple[DatabaseStatus, bool]:
    """The same, and whether something deleted is still to be removed."""
    return status(tx, path), index.has_deleted_terms(tx)


def check(tx: Tx, path: Path, *, full: bool) -> list[str]:
    """A sentence for each problem: pages and modes, and if `full` also references and counters.

    Each begins with its kind: modes, file, references, counters; what a person should do goes by that.
    """
    problems = [f"modes: {text}" for text in wide_files(path)]
    for look in (_pages, _references, _counters) if full else (_pages_quickly,):
        try:
            problems += look(tx)
        except sqlite3.DatabaseError as error:
            problems.append(f"file: cannot be read to its end: {_damage(error)}")
    return list(dict.fromkeys(problems))


def _pages(tx: Tx) -> list[str]:
    return _look_at_pages(tx, "integrity_check")


def _pages_quickly(tx: Tx) -> list[str]:
    return _look_at_pages(tx, "quick_check")


def _look_at_pages(tx: Tx, pragma: str) -> list[str]:
    """SQLite's findings, which name the page; where it gives up on the rows, the table is named as well."""
    try:
        return _findings(tx.run(f"PRAGMA {pragma}({PROBLEMS})"))
    except sqlite3.DatabaseError as error:
        _damage(error)
    # The pages' findings are the first row, which sqlite3 withholds if the step after it fails.
    found = _try(tx, f"SELECT {pragma} FROM pragma_{pragma}({PROBLEMS}) LIMIT 1", "the file")
    for (table,) in tx.run("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall():
        found += _try(tx, f"PRAGMA {pragma}('{table}')", f"table {table}")
    return found


def _try(tx: Tx, sql: str, what: str) -> list[str]:
    try:
        return _findings(tx.run(sql))
    except sqlite3.DatabaseError as error:
        return [f"file: {what} cannot be read to its end: {_damage(error)}"]


def _damage(error: sqlite3.DatabaseError) -> sqlite3.DatabaseError:
    """The error, if it says that the file is damaged; any other is raised."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        raise error
    return error


def _findings(rows: Iterable[tuple[str]]) -> list[str]:
    """One row of SQLite's answer may hold many lines."""
    lines = [line for (text,) in rows for line in text.splitlines()]
    return [f"file: {line}" for line in lines if line and line != "ok" and not line.startswith("***")]


def _references(tx: Tx) -> list[str]:
    broken = tx.run("PRAGMA foreign_key_check").fetchmany(PROBLEMS)
    problems = [
        f"references: row {row} of {table} refers to a missing row of {parent}" for table, row, parent, _ in broken
    ]
    lost = tx.run(
        """
        SELECT session_id, count(*) FROM messages
        WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE id = session_id)
          AND NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)
        GROUP BY session_id LIMIT :limit
        """,
        limit=PROBLEMS,
    )
    return problems + [f"references: {count} messages without their session {id!r}" for id, count in lost]


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
    return [f"counters: message_count of session {id!r} is {kept}, it holds {held}" for id, kept, held in wrong]
