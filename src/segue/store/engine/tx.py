"""What a query gets: a connection inside a transaction, and the moment the transaction began."""

import sqlite3
from dataclasses import dataclass, field

from segue.events import Data, Emitted, EventKind
from segue.timestamps import timestamp


@dataclass(slots=True)
class Tx:
    """One transaction; the engine begins and ends it."""

    connection: sqlite3.Connection
    now: int
    """Milliseconds since 1970, the same for everything in the transaction."""
    emitted: list[Emitted] = field(default_factory=list)
    """What the query did, in the order it did it; told to the world if the transaction is committed."""
    at: str = field(init=False)
    """The same moment as it is stored."""

    def __post_init__(self) -> None:
        self.at = timestamp(self.now)

    def run(self, sql: str, **values: str | float | bytes | None) -> sqlite3.Cursor:
        """Execute one statement with its `:name` parameters."""
        return self.connection.execute(sql, values)

    def emit(
        self,
        kind: EventKind,
        data: Data,
        *,
        session_id: str | None,
        working_dir: str | None,
        bot_id: str | None,
    ) -> None:
        """Say what the query did, and to which session, directory and bot."""
        self.emitted.append(Emitted(kind, session_id, working_dir, bot_id, self.at, data))
