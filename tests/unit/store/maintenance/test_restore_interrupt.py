"""Ctrl-C while SQLite checks a backup."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from segue.store.maintenance.restore import _first_value

ENDLESS = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE x <> 1 OR press()"
)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_interrupts_a_statement_that_would_never_end() -> None:
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        connection.create_function("press", 0, lambda: os.kill(os.getpid(), signal.SIGINT))
        for _ in range(20):  # The signal comes at another moment each time.
            with pytest.raises(KeyboardInterrupt):
                _first_value(connection, ENDLESS)
        assert _first_value(connection, "PRAGMA integrity_check") == "ok"
