"""The verbs by the functions of `functions.sql`. A client needs no right to a table."""

from uuid import UUID

from segue.sync.transports.postgres.verbs import Account, Connection, rows
from segue.sync.transports.transport import Batch

PUSH = "SELECT segue_hub.push(%b, %b, %b, %b::bigint, %b, %b, %b)"
HEADS = "SELECT machine, head FROM segue_hub.heads(%b, %b)"
PULL = "SELECT number, token, body FROM segue_hub.pull(%b, %b, %b, %b::bigint)"
GET = "SELECT token, body FROM segue_hub.get(%b, %b, %b, %b::bigint)"
REPLACE = "SELECT segue_hub.replace(%b, %b, %b, %b::bigint, %b, %b, %b)"
ERASE = "SELECT segue_hub.erase(%b, %b)"


class Functions:
    """The verbs as one call of a function each."""

    async def push(self, connection: Connection, account: Account, batch: Batch, *, notify: bool) -> str:
        """Store a new batch. Return `stored`, `taken` or `gap`."""
        values = (*account, UUID(batch.machine), batch.number, batch.token, batch.body, notify)
        [(pushed,)] = await rows(connection, PUSH, values)
        return str(pushed)

    async def heads(self, connection: Connection, account: Account) -> list[tuple[UUID, int]]:
        """Return the newest number of each machine."""
        return await rows(connection, HEADS, account)

    async def pull(
        self, connection: Connection, account: Account, machine: str, after: int
    ) -> list[tuple[int, bytes, bytes]]:
        """Return number, token and body of the next batches; an empty list after the last one."""
        return await rows(connection, PULL, (*account, UUID(machine), after))

    async def get(
        self, connection: Connection, account: Account, machine: str, number: int
    ) -> list[tuple[bytes, bytes]]:
        """Return token and body of a batch, or an empty list."""
        return await rows(connection, GET, (*account, UUID(machine), number))

    async def replace(self, connection: Connection, account: Account, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch that has the old token. Return True if it has the new token afterwards."""
        values = (*account, UUID(batch.machine), batch.number, batch.token, batch.body, old_token)
        [(replaced,)] = await rows(connection, REPLACE, values)
        return bool(replaced)

    async def erase(self, connection: Connection, account: Account) -> None:
        """Delete the account."""
        await rows(connection, ERASE, account)
