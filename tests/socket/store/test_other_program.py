"""Another program, such as a sqlite3 shell, has the database open."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.errors import Overloaded
from segue.store.engine import transactions
from segue.store.store import Store, open_store
from tests.socket.store.harness import (
    WriterProbe,
    add,
    adding,
    clock,
    notes,
    other_program,
    run_loop,
    start,
    worker_threads,
)

pytestmark = pytest.mark.anyio


async def test_a_write_waits_until_another_program_releases_the_database(store: Store, path: Path) -> None:
    with other_program(path, "BEGIN IMMEDIATE") as other:
        written = await start(store.write(adding("patient")))
        await run_loop()
        assert not written.done()
        other.execute("COMMIT")
        assert await written == 1


async def test_a_batch_waits_only_once_for_another_program(
    path: Path, writer: WriterProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "BUSY_MS", 100)
    async with open_store(path, clock=clock, writer_factory=writer) as store:
        statements = await writer.trace()
        outcomes: list[Any] = []

        async def write(number: int) -> None:
            try:
                outcomes.append(await store.write(add, str(number)))
            except Overloaded:
                outcomes.append("overloaded")

        with other_program(path, "BEGIN EXCLUSIVE"):
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(write, number)
        assert outcomes == ["overloaded"] * 20
        assert statements.count("BEGIN IMMEDIATE") == 1
        assert await store.write(add, "again") == 1
        assert await store.read(notes) == ["again"]


async def test_reads_continue_while_another_program_holds_the_database(store: Store, path: Path) -> None:
    await store.write(add, "before")
    with other_program(path, "BEGIN EXCLUSIVE"):
        assert await store.read(notes) == ["before"]


async def test_a_row_of_another_program_is_read(store: Store, path: Path) -> None:
    with other_program(path, "INSERT INTO bots (id, name, created_at) VALUES ('by hand', '', '')"):
        assert await store.read(notes) == ["by hand"]
    assert await store.write(add, "by segue") == 2


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN; SELECT * FROM bots"])
async def test_another_program_that_holds_the_database_does_not_block_closing(path: Path, statement: str) -> None:
    async with open_store(path, clock=clock) as store:
        await store.write(add, "kept")
        stack = AsyncExitStack()
        stack.enter_context(other_program(path, *statement.split("; ")))
    assert worker_threads() == 0
    await stack.aclose()
    async with open_store(path, clock=clock) as store:
        assert await store.read(notes) == ["kept"]
