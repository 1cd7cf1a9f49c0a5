"""The interface of the two ways to use a hub on PostgreSQL: by its functions, or by statements on its tables."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from segue.sync.transports.transport import Batch

Connection = AsyncConnection[tuple[Any, ...]]


class Account(NamedTuple):
    """The account that a transport is opened for."""

    name: bytes
    secret: bytes


class Verbs(Protocol):
    """One way to execute the verbs, each durable or not done when it returns."""

    async def push(self, connection: Connection, account: Account, batch: Batch, *, notify: bool) -> str:
        """Store a new batch. Return `stored`, `taken` or `gap`."""

    async def heads(self, connection: Connection, account: Account) -> list[tuple[UUID, int]]:
        """Return the newest number of each machine."""

    async def pull(
        self, connection: Connection, account: Account, machine: str, after: int
    ) -> list[tuple[int, bytes, bytes]]:
        """Return number, token and body of the next batches; an empty list after the last one."""

    async def get(
        self, connection: Connection, account: Account, machine: str, number: int
    ) -> list[tuple[bytes, bytes]]:
        """Return token and body of a batch, or an empty list."""

    async def replace(self, connection: Connection, account: Account, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch that has the old token. Return True if it has the new token afterwards."""

    async def erase(self, connection: Connection, account: Account) -> None:
        """Delete the account."""


async def rows(connection: Connection, statement: LiteralString, values: Sequence[object]) -> list[Any]:
    """Execute one statement and return its rows, bytes as the server stores them."""
    cursor = await connection.execute(statement, values, binary=True)
    return await cursor.fetchall() if cursor.description else []
