"""Helpers for the tests of the store: notes, a writer that can be blocked, and another program."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio

from segue.errors import Conflict
from segue.store.engine.connection import ThreadConnection, open_writer
from segue.store.engine.tx import Tx
from segue.store.engine.wal import Durability
from segue.store.store import Store
from tests.support.clock import START_MS
from tests.support.wire import TIMEOUT_SECONDS

T = TypeVar("T")


INSERT_NOTE = "INSERT INTO bots (id, name, created_at) VALUES (:text, '', '')"


def clock() -> int:
    return START_MS


class WriterProbe:
    """A writer factory that gives the test the connection it opened."""

    connection: ThreadConnection

    async def __call__(self, path: Path, durability: Durability) -> ThreadConnection:
        self.connection = await open_writer(path, durability)
        return self.connection

    async def execute(self, statement: str) -> Any:
        """Return the first value of the statement's result, if any."""
        row = await self.connection.call(lambda: self.connection.raw.execute(statement).fetchone())
        return row and row[0]

    async def thread(self) -> int:
        return await self.connection.call(threading.get_ident)

    async def trace(self) -> list[str]:
        """Return a list that grows by every later statement of the writer."""
        statements: list[str] = []
        await self.connection.call(self.connection.raw.set_trace_callback, statements.append)
        return statements

    @property
    def in_transaction(self) -> bool:
        return self.connection.raw.in_transaction


def worker_threads() -> int:
    return sum("_connection_worker_thread" in thread.name for thread in threading.enumerate())


def add(tx: Tx, text: str) -> int:
    """Add a note, which is a bot, and return its number; a second note of the same text is an IntegrityError."""
    return int(tx.run(INSERT_NOTE, text=text).lastrowid or 0) - 1  # the first bot is the default one


def adding(text: str) -> Callable[[Tx], int]:
    return lambda tx: add(tx, text)


def add_and_fail(tx: Tx, text: str) -> None:
    add(tx, text)
    raise Conflict("on purpose", reason="exists")


def notes(tx: Tx) -> list[str]:
    return [text for (text,) in tx.run("SELECT id FROM bots WHERE id <> 'default' ORDER BY rowid")]


def thread(tx: Tx) -> int:
    return threading.get_ident()


async def start(call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Return the call as a task that has made its first step."""
    task = asyncio.ensure_future(call)
    await anyio.lowlevel.checkpoint()
    return task


async def wait_for(event: threading.Event) -> None:
    assert await anyio.to_thread.run_sync(event.wait, TIMEOUT_SECONDS)


async def run_loop() -> None:
    """Let the event loop turn often enough for everything that is due."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


class Blocker:
    """A query that holds its thread until the test releases it."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.released = threading.Event()

    def __call__(self, tx: Tx | None = None) -> None:
        self.started.set()
        assert self.released.wait(TIMEOUT_SECONDS)

    def release(self) -> None:
        self.released.set()


class BlockedWriter:
    """Writes that wait together behind a blocked writer, and the outcome of each."""

    def __init__(self, store: Store, tasks: anyio.abc.TaskGroup, *, inline: bool = False) -> None:
        self.outcomes: list[Any] = []
        self._store = store
        self._tasks = tasks
        self._inline = inline
        self._blocker = Blocker()

    async def block(self) -> None:
        """Return when the writer thread is blocked."""
        self._tasks.start_soon(self._store.write, self._blocker)
        await wait_for(self._blocker.started)

    async def queue(self, *queries: Callable[[Tx], Any]) -> None:
        """Return when all queries wait, in this order."""
        for query in queries:
            waiting = self._store.queue_depth
            self.outcomes.append(None)
            self._tasks.start_soon(self._write, len(self.outcomes) - 1, query)
            while self._store.queue_depth == waiting:
                await anyio.lowlevel.checkpoint()

    def release(self) -> None:
        self._blocker.release()

    async def _write(self, index: int, query: Callable[[Tx], Any]) -> None:
        try:
            write = self._store.write_inline if self._inline else self._store.write
            self.outcomes[index] = await write(query)
        except Exception as error:  # noqa: BLE001 - an outcome like any other
            self.outcomes[index] = error


async def write_together(store: Store, *queries: Callable[[Tx], Any], inline: bool = False) -> list[Any]:
    """Return the results and errors of writes that share a batch."""
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            writer = BlockedWriter(store, tasks, inline=inline)
            await writer.block()
            await writer.queue(*queries)
            writer.release()
    return writer.outcomes


@contextmanager
def other_program(path: Path, *statements: str) -> Iterator[sqlite3.Connection]:
    """Open the database as another program that has run the statements."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for statement in statements:
            connection.execute(statement)
        yield connection
    finally:
        connection.close()
