"""The argument of a query: a connection inside a transaction, with the time when the transaction began."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any, Literal

from segue.events import Data, Emitted, EventKind
from segue.timestamps import timestamp


@dataclass(slots=True)
class Tx:
    """An open transaction. The engine begins and ends it."""

    connection: sqlite3.Connection
    now: int
    """Milliseconds since 1970, the same for the whole transaction."""
    emitted: list[Emitted] = field(default_factory=list)
    """The events of the query, in order. The daemon publishes them after the commit."""
    cause: Literal["client", "retention", "sync"] = "client"
    """The reason for the query: sync publishes every change except those that came from other machines."""
    memory: dict[str, Any] = field(default_factory=dict)
    """The values that queries of one kind keep for later ones. Every other write and every error empties it."""
    at: str = field(init=False)
    """The same time in the stored format."""

    def __post_init__(self) -> None:
        self.at = timestamp(self.now)

    def run(self, sql: str, **values: str | float | bytes | None) -> sqlite3.Cursor:
        """Execute one statement with `:name` parameters."""
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
        """Add an event about a session, directory and bot."""
        self.emitted.append(Emitted(kind, session_id, working_dir, bot_id, self.at, data))
