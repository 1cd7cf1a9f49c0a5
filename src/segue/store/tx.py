"""What a query gets: a connection inside a transaction, and the moment the transaction began."""

import sqlite3
from dataclasses import dataclass
from functools import cached_property

from segue.clock import timestamp


@dataclass
class Tx:
    """One transaction; the engine begins and ends it."""

    connection: sqlite3.Connection
    now: int
    """Milliseconds since 1970, the same for everything in the transaction."""

    @cached_property
    def at(self) -> str:
        """The same moment as it is stored."""
        return timestamp(self.now)

    def run(self, sql: str, **values: str | float | bytes | None) -> sqlite3.Cursor:
        """Execute one statement with its `:name` parameters."""
        return self.connection.execute(sql, values)
