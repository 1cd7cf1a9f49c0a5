"""The transactions of a batch of writes and of a read."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from segue.errors import SegueError, StorageError
from segue.store.engine.sqlite_errors import (
    CommitOutcomeUnknown,
    StoreFailed,
    is_damaged_text,
    may_survive_rollback,
    text_or_bytes,
    to_segue_error,
    writes_stopped,
)
from segue.store.engine.tx import Tx
from segue.store.engine.write import WriteResult

T = TypeVar("T")

BUSY_MS = 5000
"""Milliseconds. How long SQLite waits for a lock of another program, such as a sqlite3 shell."""


def run_read(connection: sqlite3.Connection, now: int, query: Callable[[Tx], T]) -> T:
    """Run QUERY in a read transaction and return its result.

    Raises:
        SegueError: the query or SQLite failed.
    """
    try:
        connection.execute("BEGIN")
        return query(Tx(connection, now))
    except Exception as error:
        if not is_damaged_text(connection, error):
            raise _explain(connection, error) from error
    finally:
        _roll_back(connection)
    connection.text_factory = text_or_bytes
    return run_read(connection, now, query)


def run_read_without_wait(connection: sqlite3.Connection, now: int, query: Callable[[Tx], T]) -> T:
    """Do the same, and raise Overloaded without a wait if another program holds the database."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        return run_read(connection, now, query)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")


def begin_immediate(connection: sqlite3.Connection) -> None:
    """Begin a write transaction, waiting up to `BUSY_MS` for a lock of another program.

    The writer's busy timeout is 0 at all other times, because the event loop's thread must not wait for a lock.

    Raises:
        sqlite3.Error: another program holds the database longer.
    """
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute("PRAGMA busy_timeout = 0")


MAX_GROUP = 16
"""Queries that run as one group, so that `has_time` is asked often enough."""


class GroupQuery(NamedTuple):
    """A query that can run together with its neighbors of the same kind."""

    run_one: Callable[[Tx, Any], Any]
    run_group: Callable[[Tx, list[Any]], list[WriteResult]]
    argument: Any

    def __call__(self, tx: Tx) -> Any:
        """Run this query alone."""
        return self.run_one(tx, self.argument)


RunOne = Callable[[sqlite3.Connection, Tx, Callable[[Tx], Any]], WriteResult]


class Memory(dict[str, Any]):
    """Values that grouped queries keep for the next batch (`Tx.memory`), as long as only they write."""

    def __init__(self) -> None:
        self._version: int | None = None

    def check(self, connection: sqlite3.Connection) -> None:
        """Forget everything if another program has written since the last check. Call this in a transaction."""
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.clear()
        self._version = version


def run_uncommitted(
    connection: sqlite3.Connection,
    now: int,
    queries: list[Callable[[Tx], Any]],
    has_time: Callable[[], bool],
    memory: Memory,
) -> list[WriteResult] | None:
    """Run all queries in one transaction and leave it open, for `commit_batch` to commit.

    Return None, with the transaction undone, if another program holds the database, a query fails, or HAS_TIME
    returns False before the next query. The connection's busy timeout must be 0. The caller clears MEMORY unless this
    very transaction is committed.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        memory.check(connection)
        if (results := _run_in_groups(connection, now, queries, has_time, memory)) is not None:
            return results
    except Exception:  # noqa: BLE001, S110 - The query fails again in `commit_batch`, which reports the error.
        pass
    with suppress(sqlite3.Error):  # `commit_batch` rolls back again and reports this error.
        _roll_back(connection)
    return None


def _run_in_groups(
    connection: sqlite3.Connection,
    now: int,
    queries: list[Callable[[Tx], Any]],
    has_time: Callable[[], bool],
    memory: Memory,
) -> list[WriteResult] | None:
    """Run the queries in order, neighboring ones of one kind as a group; return None without time for the next."""
    results: list[WriteResult] = []
    while (position := len(results)) < len(queries):
        if not has_time():
            return None
        first = queries[position]
        if isinstance(first, GroupQuery):
            results += first.run_group(Tx(connection, now, memory=memory), _group_at(queries, position, first))
        else:
            memory.clear()
            results.append(_run_without_savepoint(connection, Tx(connection, now), first))
    return results


def _group_at(queries: list[Callable[[Tx], Any]], position: int, first: GroupQuery) -> list[Any]:
    """Return the arguments of the queries from POSITION on that run together with FIRST."""
    group = []
    for query in queries[position : position + MAX_GROUP]:
        if not isinstance(query, GroupQuery) or query.run_group is not first.run_group:
            break
        group.append(query.argument)
    return group


def commit_batch(
    connection: sqlite3.Connection,
    now: int,
    queries: list[Callable[[Tx], Any]],
    uncommitted: list[WriteResult] | None = None,
    commit_error: Exception | None = None,
) -> list[WriteResult]:
    """Run and commit all queries, and return the result of each. A query that fails undoes only itself.

    UNCOMMITTED are the results of `run_uncommitted`, whose transaction is still open. COMMIT_ERROR is the error of a
    COMMIT that was tried on it.

    Plan:

    1. Run all in one transaction without savepoints, because most batches succeed and a savepoint costs time.
    2. If that fails, run all again, each in a savepoint. A failing query rolls back to its own savepoint.
    3. If that fails too (a constraint that SQLite checks in COMMIT, a full disk), commit each in its own transaction.
    4. After `StoreFailed`, such as an unknown outcome of a COMMIT, no further transaction begins.
    5. After a damaged text, begin again with a connection that reads it.
    """
    attempts: tuple[RunOne, ...] = (_run_without_savepoint, _run_in_savepoint)
    for run_one in attempts if len(queries) > 1 else attempts[:1]:
        try:
            if uncommitted is None:
                _roll_back(connection)
                begin_immediate(connection)
        except sqlite3.Error as error:
            return [WriteResult(None, to_segue_error(error), [])] * len(queries)
        results = None
        try:
            results = uncommitted or [run_one(connection, Tx(connection, now), query) for query in queries]
            if commit_error is not None:
                raise commit_error
            connection.execute("COMMIT")
            return results
        except Exception as error:  # noqa: BLE001 - Each caller of the batch gets this error or its own.
            _roll_back(connection)
            if is_damaged_text(connection, error):
                connection.text_factory = text_or_bytes
                return commit_batch(connection, now, queries)
            if results is not None and may_survive_rollback(error):
                return [_mark_unknown(result) for result in results]
            failed = WriteResult(None, _explain(connection, error), [])
        uncommitted = commit_error = None
    return [failed] if len(queries) == 1 else _commit_one_by_one(connection, now, queries)


def _commit_one_by_one(
    connection: sqlite3.Connection, now: int, queries: list[Callable[[Tx], Any]]
) -> list[WriteResult]:
    results: list[WriteResult] = []
    stopped = False
    for query in queries:
        if stopped:
            results.append(WriteResult(None, writes_stopped(), []))
        else:
            results += commit_batch(connection, now, [query])
            stopped = isinstance(results[-1].error, StoreFailed)
    return results


def _mark_unknown(result: WriteResult) -> WriteResult:
    """Return an unknown outcome, except for a query that failed by itself and changed nothing."""
    return result if result.error else WriteResult(None, CommitOutcomeUnknown(), [])


def _explain(connection: sqlite3.Connection, error: Exception) -> Exception:
    """Return the error that a client gets. A query that fails on bytes in place of a text is no bug."""
    if isinstance(error, TypeError | AttributeError) and connection.text_factory is not str:
        return StorageError("storage: a text in the file is not UTF-8", reason="corrupt")
    return to_segue_error(error)


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _run_without_savepoint(connection: sqlite3.Connection, tx: Tx, query: Callable[[Tx], Any]) -> WriteResult:
    """Run one query. An error before its first change is its result; any other error fails the transaction."""
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
        # After a full disk or an I/O error, SQLite has ended the transaction.
        if not connection.in_transaction or is_damaged_text(connection, error):
            raise
        connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return WriteResult(None, _explain(connection, error), [])
    connection.execute("RELEASE one")
    return WriteResult(value, None, tx.emitted)
