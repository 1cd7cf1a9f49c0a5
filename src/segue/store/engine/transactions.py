"""Queries in transactions: what a batch of writes and a read go through."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from segue.errors import SegueError, StorageError
from segue.events import Emitted
from segue.store.engine.commit_recovery import may_survive_rollback, overwrite
from segue.store.engine.connection import begin_immediate
from segue.store.engine.sqlite_errors import to_segue_error
from segue.store.engine.tx import Tx

T = TypeVar("T")

FOLD_MS = 500
"""How long another program that holds the file keeps us from leaving; the WAL is then folded in another time."""


class WriteResult(NamedTuple):
    """What became of a write: a value, or the error that undid it."""

    value: Any
    error: BaseException | None
    emitted: list[Emitted]
    """What it did; nothing if it was undone."""


def run_read(connection: sqlite3.Connection, now: int, query: Callable[[Tx], T]) -> T:
    """The result of a query in a transaction that only reads; an error is a SegueError."""
    try:
        connection.execute("BEGIN")
        return query(Tx(connection, now))
    except Exception as error:
        raise to_segue_error(error) from error
    finally:
        _roll_back(connection)


RunOne = Callable[[sqlite3.Connection, Tx, Callable[[Tx], Any]], WriteResult]


def run_uncommitted(
    connection: sqlite3.Connection, now: int, queries: list[Callable[[Tx], Any]], has_time: Callable[[], bool]
) -> list[WriteResult] | None:
    """Run all in one transaction and leave it open for `commit_batch` to commit; None if that was not to be had.

    Then nothing is left of it: another program holds the file, one of them failed, or there was no time for the next.
    `disable_busy_timeout` comes first.
    """
    outcomes: list[WriteResult] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for query in queries:
            if not has_time():
                break
            outcomes.append(_run_bare(connection, Tx(connection, now), query))
        else:
            return outcomes
    except Exception:  # noqa: BLE001, S110 - it fails again in `commit_batch`, which tells of it
        pass
    with suppress(sqlite3.Error):  # as this would
        _roll_back(connection)
    return None


def commit_batch(
    connection: sqlite3.Connection,
    now: int,
    queries: list[Callable[[Tx], Any]],
    begun: list[WriteResult] | None = None,
) -> list[WriteResult]:
    """Run all in one transaction; if it fails, again with savepoints, then each in one of its own.

    So in the end only the culprit fails, and nobody pays for a savepoint where all goes well. `begun` is what
    `run_uncommitted` gave, whose transaction is then the first.
    """
    doubt: StorageError | None = None
    attempts: tuple[RunOne, ...] = (_run_bare, _run_in_savepoint) if len(queries) > 1 else (_run_bare,)
    for run_one in attempts:
        try:
            if begun is None:
                _roll_back(connection)
                begin_immediate(connection)
        except sqlite3.Error as error:  # another program holds the file, for all of them alike
            return [WriteResult(None, to_segue_error(error), [])] * len(queries)
        try:
            outcomes = begun or [run_one(connection, Tx(connection, now), query) for query in queries]
            connection.execute("COMMIT")
            return outcomes
        except Exception as error:  # noqa: BLE001 - a failed transaction is told to everyone in it
            begun = None
            failed = WriteResult(None, to_segue_error(error), [])
            _roll_back(connection)
            if may_survive_rollback(error):
                doubt = overwrite(connection) or doubt
    outcomes = [failed] if len(queries) == 1 else [commit_batch(connection, now, [query])[0] for query in queries]
    return [_doubted(outcome, doubt) if doubt else outcome for outcome in outcomes]


def _roll_back(connection: sqlite3.Connection) -> None:
    """End what transaction there may be."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _doubted(outcome: WriteResult, doubt: StorageError) -> WriteResult:
    return outcome._replace(error=doubt) if isinstance(outcome.error, StorageError) else outcome


def _run_bare(connection: sqlite3.Connection, tx: Tx, query: Callable[[Tx], Any]) -> WriteResult:
    """Run one; an error that comes before any change is its own, any other is the transaction's."""
    before = connection.total_changes
    try:
        return WriteResult(query(tx), None, tx.emitted)
    except SegueError as error:
        if connection.total_changes != before or not connection.in_transaction:
            raise
        return WriteResult(None, error, [])


def _run_in_savepoint(connection: sqlite3.Connection, tx: Tx, query: Callable[[Tx], Any]) -> WriteResult:
    connection.execute("SAVEPOINT one")
    try:
        value = query(tx)
    except Exception as error:
        if not connection.in_transaction:  # a full disk or an I/O error ends the whole transaction
            raise
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return WriteResult(None, to_segue_error(error), [])
    connection.execute("RELEASE one")
    return WriteResult(value, None, tx.emitted)


def fold_wal(connection: sqlite3.Connection) -> None:
    """Move the WAL into the file and empty it; sqlite3.Error if another program holds the file."""
    connection.execute(f"PRAGMA busy_timeout = {FOLD_MS}")
    connection.execute("PRAGMA optimize")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
