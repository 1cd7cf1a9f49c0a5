"""A time limit for the statements of a search."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

PROGRESS_STEPS = 20_000
"""Steps of SQLite, some milliseconds, between two looks at the clock. FTS5's reads of its own pages count too."""


class TookTooLong(Exception):
    """A search did not end within its time limit."""


@contextmanager
def time_limit(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Interrupt the connection's statements after `seconds`.

    Raises:
        TookTooLong: a statement was interrupted for this reason.
    """
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > end, PROGRESS_STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        # The store interrupts statements too, when it closes.
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT and time.monotonic() > end:
            raise TookTooLong from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
