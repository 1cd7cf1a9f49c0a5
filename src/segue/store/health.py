"""The state of the file: how much it holds, and whether it is sound."""

from pathlib import Path

from segue.answers import DatabaseStatus
from segue.store.file import wide_files
from segue.store.tx import Tx

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


def check(tx: Tx, path: Path, *, full: bool) -> list[str]:
    """A sentence for each problem: pages and modes, and if `full` also references and counters."""
    problems = wide_files(path)
    sql = f"PRAGMA integrity_check({PROBLEMS})" if full else f"PRAGMA quick_check({PROBLEMS})"
    problems += [f"file: {text}" for (text,) in tx.run(sql) if text != "ok"]
    if full:
        problems += _references(tx) + _counters(tx)
    return problems


def _references(tx: Tx) -> list[str]:
    broken = tx.run("PRAGMA foreign_key_check").fetchmany(PROBLEMS)
    problems = [f"{table}: row {row} refers to a missing row of {parent}" for table, row, parent, _ in broken]
    lost = tx.run(
        """
        SELECT session_id, count(*) FROM messages
        WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE id = session_id)
          AND NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)
        GROUP BY session_id LIMIT :limit
        """,
        limit=PROBLEMS,
    )
    return problems + [f"messages: {count} without their session {id!r}" for id, count in lost]


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
    return [f"session {id!r}: message_count is {kept}, it holds {held}" for id, kept, held in wrong]
