"""SQLite connections, each on a thread of its own that runs whole functions.

A subclass of aiosqlite's connection, which runs one statement for each await. A transaction of four awaited statements
takes four hops between threads (234 µs measured against 66 µs). Statements of other tasks may run between them, and a
canceled task leaves the transaction open. Therefore a transaction is one function that runs from BEGIN to COMMIT.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import aiosqlite
import anyio

from segue.runtime.progress import Progress
from segue.runtime.sqlite_library import check_full_text_search, check_version
from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.metrics import StoreMetrics
from segue.store.engine.migrate import check_ours, check_schema, load_migrations, migrate, start_error
from segue.store.engine.transactions import BUSY_MS
from segue.store.engine.wal import Durability, enable_wal

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=sqlite3.Connection)

STATEMENTS = 256
"""Prepared statements that each connection caches: more than the program has."""

PROGRESS_STEPS = 100_000
"""SQLite steps, some milliseconds, between two checks whether a long statement is still needed."""


class Reader(sqlite3.Connection):
    """A connection that cannot write, whose long statements SQLite interrupts when their caller leaves."""

    leaving = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.memory: dict[str, Any] = {}
        """The values that queries keep between transactions. All readers of a store share them, in their threads."""

    def check_between_steps(self, steps: int, is_over: Callable[[], bool] = bool) -> None:
        """Call IS_OVER after each STEPS steps of SQLite, and interrupt the statement if it returns True."""
        self.set_progress_handler(lambda: self.leaving or is_over(), steps)


class ThreadConnection(aiosqlite.Connection):
    """A connection whose thread runs whole functions."""

    async def open(self) -> None:
        """Connect. If that raises, the thread has ended."""
        try:
            await self
        except BaseException:
            self._thread.join()  # It must end before the event loop closes, because it calls the loop.
            raise

    async def close(self) -> None:
        """Close the connection and end its thread."""
        try:
            await super().close()
        finally:
            self._thread.join()  # It only returns.

    def post(self, function: Callable[[], T], callback: Callable[[T], None]) -> None:
        """Run FUNCTION on the connection's thread, then CALLBACK with its result on the event loop.

        FUNCTION must not raise. Cheaper than `call`, because no future and no task is involved.
        """
        self._tx.put_nowait((None, partial(_run_and_call_back, asyncio.get_running_loop(), function, callback)))

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run FUNCTION on the connection's thread and return its result. A canceled caller does not stop it."""
        result: T = await self._execute(function, *args, **kwargs)  # type: ignore[no-untyped-call]
        return result

    @property
    def raw(self) -> sqlite3.Connection:
        """Return the sqlite3 connection, for use on the thread, or on the event loop's while the thread is idle."""
        return self._conn


OpenWriter = Callable[[Path, Durability], Awaitable[ThreadConnection]]


def _run_and_call_back(
    loop: asyncio.AbstractEventLoop, function: Callable[[], T], callback: Callable[[T], None]
) -> None:
    result = function()
    loop.call_soon_threadsafe(callback, result)


async def open_writer(path: Path, durability: Durability, progress: Progress | None = None) -> ThreadConnection:
    """Open the connection that writes, and migrate the schema.

    Raises:
        StartError: the database cannot be served.
    """
    return await _open(lambda: connect_writer(path, durability, progress))


async def open_reader(path: Path, memory: dict[str, Any] | None = None) -> ThreadConnection:
    """Open a connection that cannot write, with a memory that it shares with others.

    Raises:
        StartError: the database cannot be opened.
    """
    reader = await _open(lambda: connect_reader(path))
    if memory is not None:
        cast("Reader", reader.raw).memory = memory
    return reader


async def _open(connect: Callable[[], sqlite3.Connection]) -> ThreadConnection:
    opened: list[sqlite3.Connection] = []

    def connect_and_record() -> sqlite3.Connection:
        opened.append(connect())
        return opened[0]

    connection = ThreadConnection(connect_and_record, iter_chunk_size=64)
    try:
        await connection.open()
    except sqlite3.Error as error:
        raise start_error(error) from None
    except BaseException:
        for one in opened:  # The caller was canceled while the thread connected, and aiosqlite drops the result.
            one.close()
        raise
    return connection


def connect_writer(path: Path, durability: Durability, progress: Progress | None = None) -> sqlite3.Connection:
    """Open the connection that writes on the caller's thread, and migrate the schema.

    Its busy timeout is 0 afterwards: only `begin_immediate` waits for a lock.
    """
    check_version()
    connection = _connect(path, sqlite3.Connection)
    try:
        check_full_text_search(connection)
        migrations = load_migrations()
        version = check_ours(connection, len(migrations))
        check_schema(connection, migrations)
        if version == 0:  # Each of these writes, and a start on a full disk must not.
            # SQLite accepts auto_vacuum only in a file without tables, so it comes before the first migration and WAL.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        enable_wal(connection, durability)
        migrate(connection, migrations, progress)
        connection.execute("PRAGMA busy_timeout = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> Reader:
    """Open a connection that cannot write on the caller's thread."""
    connection = _connect(path, Reader)
    connection.execute("PRAGMA query_only = ON")
    # SQLite's lower() folds ASCII only; name searches fold every script.
    connection.create_function("casefold", 1, _casefold, deterministic=True)
    try:  # SQLite opens the WAL at the first read: do it now, while file descriptors are free.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _casefold(text: str | bytes | None) -> str:
    """Fold the case of a text. A column that may be damaged is given as bytes."""
    return (text.decode(errors="replace") if isinstance(text, bytes) else text or "").casefold()


def _connect(path: Path, factory: type[C]) -> C:
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        timeout=BUSY_MS / 1000,
        cached_statements=STATEMENTS,
        check_same_thread=False,
        factory=factory,
    )
    # No function or virtual table with side effects may run from a trigger, view or index of the file.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


@asynccontextmanager
async def interrupt_at_end(reader: ThreadConnection, metrics: StoreMetrics) -> AsyncIterator[Reader]:
    """Close READER at the end, and interrupt what still runs on it, including a function that starts only then."""
    raw = cast("Reader", reader.raw)  # `connect_reader` made it.
    raw.check_between_steps(PROGRESS_STEPS)
    metrics.read_started(reader)
    try:
        yield raw
    finally:
        metrics.read_ended(reader)
        raw.leaving = True
        raw.interrupt()
        with anyio.CancelScope(shield=True):
            await reader.close()
