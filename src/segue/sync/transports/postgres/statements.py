"""The verbs by plain statements, for databases that speak PostgreSQL's protocol but have no PL/pgSQL.

The clients' role may read and write the tables, so the server does not keep accounts apart: the clients do.
"""

from hashlib import sha256
from uuid import UUID

from segue.sync.transports.postgres.verbs import Account, Connection, rows
from segue.sync.transports.transport import Batch

KNOWN = "SELECT secret FROM segue_hub.accounts WHERE account = %b"
REGISTER = "INSERT INTO segue_hub.accounts (account, secret) VALUES (%b, %b) ON CONFLICT DO NOTHING"

PUSH = """
WITH entered AS (
    SELECT account FROM segue_hub.accounts WHERE account = %b FOR KEY SHARE
), stored AS (
    INSERT INTO segue_hub.batches (account, machine, number, token, body)
    SELECT account, %b, %b, %b, %b FROM entered
    WHERE %b = 1 OR EXISTS (SELECT 1 FROM segue_hub.batches WHERE account = %b AND machine = %b AND number = %b)
    ON CONFLICT DO NOTHING
    RETURNING account, machine, number
)
INSERT INTO segue_hub.machines (account, machine, head) SELECT account, machine, number FROM stored
ON CONFLICT (account, machine) DO UPDATE SET head = excluded.head
RETURNING head
"""
WRITTEN = "SELECT token FROM segue_hub.batches WHERE account = %b AND machine = %b AND number = %b"
NOTIFY = "SELECT pg_notify('segue_' || %s::text, '')"

HEADS = "SELECT machine, head FROM segue_hub.machines WHERE account = %b"
PULL = """
SELECT number, token, body
FROM (
    SELECT number, token, body, sum(octet_length(body)) OVER (ORDER BY number) AS total
    FROM (
        SELECT number, token, body FROM segue_hub.batches
        WHERE account = %b AND machine = %b AND number > %b
        ORDER BY number LIMIT 1000
    ) AS following
) AS summed
WHERE total <= 262144 OR total = octet_length(body)
ORDER BY number
"""
GET = "SELECT token, body FROM segue_hub.batches WHERE account = %b AND machine = %b AND number = %b"
REPLACE = """
UPDATE segue_hub.batches SET token = %b, body = %b
WHERE account = %b AND machine = %b AND number = %b AND token IN (%b, %b)
RETURNING number
"""
ERASE = (
    "DELETE FROM segue_hub.accounts WHERE account = %b",
    "DELETE FROM segue_hub.machines WHERE account = %b",
    "DELETE FROM segue_hub.batches WHERE account = %b",
)


class OtherSecret(Exception):
    """The account is registered with another secret."""


class Statements:
    """The verbs as one statement each, and one more where the first does not tell enough."""

    async def push(self, connection: Connection, account: Account, batch: Batch, *, notify: bool) -> str:
        """Store a new batch. Return `stored`, `taken` or `gap`."""
        if not await _exists(connection, account):
            await rows(connection, REGISTER, (account.name, _hash(account)))
            await _exists(connection, account)
        name = (UUID(batch.machine), batch.number)
        before = (batch.number, account.name, UUID(batch.machine), batch.number - 1)
        values = (account.name, *name, batch.token, batch.body, *before)
        if await rows(connection, PUSH, values):
            if notify:
                await rows(connection, NOTIFY, (account.name.hex(),))
            return "stored"
        found = await rows(connection, WRITTEN, (account.name, *name))
        if not found:
            return "gap"
        return "stored" if found[0][0] == batch.token else "taken"

    async def heads(self, connection: Connection, account: Account) -> list[tuple[UUID, int]]:
        """Return the newest number of each machine."""
        await _exists(connection, account)
        return await rows(connection, HEADS, (account.name,))

    async def pull(
        self, connection: Connection, account: Account, machine: str, after: int
    ) -> list[tuple[int, bytes, bytes]]:
        """Return number, token and body of the next batches; an empty list after the last one."""
        await _exists(connection, account)
        return await rows(connection, PULL, (account.name, UUID(machine), after))

    async def get(
        self, connection: Connection, account: Account, machine: str, number: int
    ) -> list[tuple[bytes, bytes]]:
        """Return token and body of a batch, or an empty list."""
        await _exists(connection, account)
        return await rows(connection, GET, (account.name, UUID(machine), number))

    async def replace(self, connection: Connection, account: Account, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch that has the old token. Return True if it has the new token afterwards."""
        await _exists(connection, account)
        name = (account.name, UUID(batch.machine), batch.number)
        return bool(await rows(connection, REPLACE, (batch.token, batch.body, *name, old_token, batch.token)))

    async def erase(self, connection: Connection, account: Account) -> None:
        """Delete the account.

        1. Register it if it is not there, because without its row nothing would hold back a first push.
        2. Delete the row. Its lock waits for pushes that have begun, and the next statements see their rows.
        """
        await _exists(connection, account)
        async with connection.transaction():
            await rows(connection, REGISTER, (account.name, _hash(account)))
            for statement in ERASE:
                await rows(connection, statement, (account.name,))


async def _exists(connection: Connection, account: Account) -> bool:
    """Return True if the account is registered.

    Raises:
        OtherSecret: it has another secret.
    """
    found = await rows(connection, KNOWN, (account.name,))
    if found and found[0][0] != _hash(account):
        raise OtherSecret
    return bool(found)


def _hash(account: Account) -> bytes:
    return sha256(account.secret).digest()
