"""A connection whose opening is canceled is closed."""

import sqlite3
import threading
from pathlib import Path

import anyio
import pytest

from segue.store.engine import connection
from tests.support.wire import TIMEOUT_SECONDS


async def test_a_reader_whose_caller_is_canceled_while_it_connects_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[sqlite3.Connection] = []
    connecting, canceled = anyio.Event(), threading.Event()

    def connect(path: Path) -> sqlite3.Connection:
        anyio.from_thread.run_sync(connecting.set, token=token)
        assert canceled.wait(TIMEOUT_SECONDS)
        made.append(sqlite3.connect(path, check_same_thread=False))
        return made[0]

    token = anyio.lowlevel.current_token()
    monkeypatch.setattr(connection, "connect_reader", connect)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.open_reader, tmp_path / "sessions.db")
        await connecting.wait()
        tasks.cancel_scope.cancel()
        canceled.set()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0].execute("SELECT 1")
