"""One SQLite connection on a thread of its own: aiosqlite's, with one hop for a whole function.

A transaction of four awaited statements is four hops (234 µs measured against 66), may have other tasks'
statements between its own, and stays open when its task is cancelled. So a transaction is one function
that runs on the connection's thread from BEGIN to COMMIT; where it is brief, its statements are run on the
loop's thread in one go, and only the COMMIT here (see `group_commit`).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

import aiosqlite

from segue.errors import StartError
from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.migrate import check_ours, load_migrations, migrate, start_error

P = ParamSpec("P")
T = TypeVar("T")
Durability = Literal["full", "normal"]

BUSY_MS = 5000
"""How long SQLite waits for a lock of another program, such as a sqlite3 shell."""

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

STATEMENTS = 256
"""Prepared statements kept for each connection: more than there are."""

WAL_BYTES = 64 * 1024 * 1024
"""A WAL that grew larger is cut back to this after a checkpoint."""


class ThreadConnection(aiosqlite.Connection):
    """A connection whose thread runs whole functions."""

    async def open(self) -> None:
        """Connect; if that raises, the thread has ended."""
        try:
            await self
        except BaseException:
            self._thread.join()  # it was told to stop, and would speak to a loop that is closed by then
            raise

    async def close(self) -> None:
        """Close; the thread has ended."""
        try:
            await super().close()
        finally:
            self._thread.join()  # it has nothing more to do than to return

    def submit(self, function: Callable[[], T], then: Callable[[T], None]) -> None:
        """Run `function`, which must not raise, on the connection's thread and then `then` with its result on the loop.

        As `call`, without a future and a task's turns of the loop.
        """
        self._tx.put_nowait((None, partial(_run_and_tell, asyncio.get_running_loop(), function, then)))

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` on the connection's thread; it goes on there even if the caller is cancelled."""
        result: T = await self._execute(function, *args, **kwargs)  # type: ignore[no-untyped-call]
        return result

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection itself, for functions that run on the thread, or on the loop's while the thread is idle."""
        return self._conn


def _run_and_tell(loop: asyncio.AbstractEventLoop, function: Callable[[], T], then: Callable[[T], None]) -> None:
    result = function()
    loop.call_soon_threadsafe(then, result)


async def open_writer(path: Path, durability: Durability) -> ThreadConnection:
    """The one connection that writes, with the schema brought up to date; StartError if that cannot be."""
    return await _start(lambda: connect_writer(path, durability))


async def open_reader(path: Path) -> ThreadConnection:
    """A connection that cannot write."""
    return await _start(lambda: _connect_reader(path))


async def _start(connect: Callable[[], sqlite3.Connection]) -> ThreadConnection:
    connection = ThreadConnection(connect, iter_chunk_size=64)
    try:
        await connection.open()
    except sqlite3.Error as error:
        raise start_error(error) from None
    return connection


def connect_writer(path: Path, durability: Durability) -> sqlite3.Connection:
    """The same on the caller's own thread."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StartError("sqlite", f"version {sqlite3.sqlite_version} is too old, {wanted} or newer is needed")
    connection = _connect(path)
    try:
        if not connection.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0]:
            raise StartError("sqlite", "this SQLite is built without FTS5 (full-text search)")
        migrations = load_migrations()
        check_ours(connection, len(migrations))
        # Only a file without tables takes auto_vacuum, so it comes before the first migration and before WAL.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _use_wal(connection, durability)
        migrate(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, durability: Durability) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    connection.execute(f"PRAGMA fullfsync = {'ON' if durability == 'full' else 'OFF'}")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")


def _connect_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    # Names are found case-blind in every script, which SQLite's own lower() does for ASCII only.
    connection.create_function("casefold", 1, str.casefold, deterministic=True)
    try:  # SQLite opens the WAL at the first read: now, while there are descriptors for it
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=BUSY_MS / 1000, cached_statements=STATEMENTS, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def disable_busy_timeout(connection: sqlite3.Connection) -> None:
    """From now on, find at once that another program holds the file."""
    connection.execute("PRAGMA busy_timeout = 0")


def begin_immediate(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes; sqlite3.Error if another program holds the file for longer than `BUSY_MS`."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        disable_busy_timeout(connection)
