"""Ctrl-C while SQLite checks a backup."""

import sqlite3
import time
from contextlib import closing
from threading import Event

import pytest

from segue.store.maintenance.restore import _first_value

ENDLESS = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE x <> 1 OR began()"
)


def test_ctrl_c_interrupts_a_statement_that_would_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    began, pause = Event(), time.sleep

    def sleep(seconds: float) -> None:
        """Raise what Ctrl-C raises, in the first pause after the statement began."""
        pause(seconds)
        if began.is_set():
            began.clear()
            raise KeyboardInterrupt

    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        connection.create_function("began", 0, began.set)
        with monkeypatch.context() as patch:
            patch.setattr(time, "sleep", sleep)
            with pytest.raises(KeyboardInterrupt):
                _first_value(connection, ENDLESS)
        assert _first_value(connection, "PRAGMA integrity_check") == "ok"
