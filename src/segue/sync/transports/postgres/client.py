"""The transport to a hub on PostgreSQL: one connection, opened when it is needed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

import psycopg

from segue.sync.transports.postgres.address import parse
from segue.sync.transports.postgres.errors import NO_HUB, other_secret, translate
from segue.sync.transports.postgres.functions import Functions
from segue.sync.transports.postgres.statements import OtherSecret, Statements
from segue.sync.transports.postgres.verbs import Account, Connection, Verbs, rows
from segue.sync.transports.transport import Batch, Pushed, TransportError
from segue.sync.transports.validation import check_account, check_batch, check_machine, check_name, check_token

R = TypeVar("R")

VERSION = 1
"""The version of the schema that this program uses."""

CALL_SECONDS = 60.0
"""Seconds. A call that takes longer has lost its server. A batch of 16 MiB takes 13 s at 10 Mbit/s."""

HUB = "SELECT number, functions FROM segue_hub.version"
NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class PostgresTransport:
    """One account at a hub on PostgreSQL.

    1. A call uses the open connection, or opens one.
    2. A call that fails or is cancelled closes it, because an answer may still come.
    3. `wait` watches the socket of the open connection. A call that begins ends the wait.
    """

    def __init__(self, url: str, account: str, secret: bytes) -> None:
        check_account(account)
        self._address = parse(url)
        self._account = Account(bytes.fromhex(account), secret)
        self._connection: Connection | None = None
        self._verbs: Verbs | None = None
        self._lock = asyncio.Lock()
        self._waiting: asyncio.Future[None] | None = None
        self._calls = 0

    async def push(self, batch: Batch) -> Pushed:
        """Store a new batch durably."""
        check_batch(batch)
        notify = self._address.listens
        return Pushed(await self._call(lambda c, verbs: verbs.push(c, self._account, batch, notify=notify)))

    async def heads(self) -> Mapping[str, int]:
        """Return the newest number of each machine that has written, by the uid of the machine."""
        found = await self._call(lambda c, verbs: verbs.heads(c, self._account))
        return {machine.hex: head for machine, head in found}

    async def pull(self, machine: str, after: int) -> AsyncIterator[Batch]:
        """Yield the machine's batches with a larger number, in order and without a gap."""
        check_machine(machine)
        position = after
        while page := await self._call(
            lambda c, verbs: verbs.pull(c, self._account, machine, position)  # noqa: B023 - It is called here
        ):
            for number, token, body in page:
                if number != position + 1:
                    return
                position = number
                yield Batch(machine, number, token, body)

    async def get(self, machine: str, number: int) -> Batch | None:
        """Return one batch, or None if the hub does not have it."""
        check_name(machine, number)
        found = await self._call(lambda c, verbs: verbs.get(c, self._account, machine, number))
        return Batch(machine, number, *found[0]) if found else None

    async def replace(self, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch whose token is `old_token`. Return False if it differs.

        The old row stays in the files of the server until its VACUUM.
        """
        check_batch(batch)
        check_token(old_token)
        return await self._call(lambda c, verbs: verbs.replace(c, self._account, batch, old_token))

    async def now(self) -> int | None:
        """Return the server's clock in ms since 1970."""
        [(now,)] = await self._call(lambda c, _: rows(c, NOW, ()))
        return int(now)

    async def wait(self, seconds: float) -> None:
        """Return when another connection has pushed, a call begins, or the time is over.

        Without NOTIFY it only sleeps, and holds no connection meanwhile.
        """
        if not self._address.listens:
            async with self._lock:
                await self._disconnect()
            await asyncio.sleep(seconds)
            return
        if self._connection is None:
            await self._call(_nothing)
            return  # Because a batch may have come while nothing listened
        await self._listen(seconds)

    async def erase(self) -> None:
        """Delete the whole account from the hub."""
        await self._call(lambda c, verbs: verbs.erase(c, self._account))

    async def retire(self, last: Batch) -> None:
        """Replace the account by one with the last batch, in one transaction."""
        check_batch(last)
        await self._call(lambda c, verbs: self._retire(c, verbs, last))

    async def _retire(self, connection: Connection, verbs: Verbs, last: Batch) -> None:
        async with connection.transaction():
            await verbs.erase(connection, self._account)
            await verbs.push(connection, self._account, last, notify=self._address.listens)

    async def close(self) -> None:
        """Close the connection."""
        self._end_wait()
        await self._disconnect()

    async def _call(self, verb: Callable[[Connection, Verbs], Awaitable[R]]) -> R:
        """Execute a verb on the connection.

        Raises:
            TransportError: it failed.
        """
        async with self._lock:
            self._calls += 1
            self._end_wait()
            done = False
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    connection, verbs = await self._connected()
                    found = await verb(connection, verbs)
                done = True
                return found
            except OtherSecret:
                raise other_secret(self._address.shown) from None
            except TimeoutError:
                reason = f"{self._address.shown} did not respond within {CALL_SECONDS:.0f} s"
                raise TransportError(reason, retry=True) from None
            except (psycopg.Error, OSError) as error:
                raise translate(error, self._address.shown) from error
            finally:
                if not done:
                    await self._disconnect()

    async def _connected(self) -> tuple[Connection, Verbs]:
        """Return an open connection and the verbs that the hub has."""
        if self._connection is not None and self._connection.closed:
            self._connection = None
        if self._connection is None:
            # Without prepared statements, because a pooler between may give each statement another session
            self._connection = await psycopg.AsyncConnection.connect(
                self._address.conninfo, autocommit=True, prepare_threshold=None
            )
            if self._address.listens:
                await rows(self._connection, f"LISTEN segue_{self._account.name.hex()}", ())
        if self._verbs is None:
            self._verbs = await self._choose(self._connection)
        return self._connection, self._verbs

    async def _choose(self, connection: Connection) -> Verbs:
        """Return the verbs by functions, or by statements where the hub has no functions.

        Raises:
            TransportError: there is no hub, or it is of a newer version.
        """
        found = await rows(connection, HUB, ())
        if not found:
            raise psycopg.errors.lookup(NO_HUB[0])("the hub is not installed")
        [(version, has_functions)] = found
        if version > VERSION:
            reason = f"{self._address.shown} has version {version}, this segue uses {VERSION}; upgrade segue"
            raise TransportError(reason, retry=False)
        return Functions() if has_functions else Statements()

    async def _listen(self, seconds: float) -> None:
        """Return when the connection reports a push of another connection, or after the given time."""
        loop = asyncio.get_running_loop()
        connection, end, calls = self._connection, loop.time() + seconds, self._calls
        try:
            while connection is not None and not connection.closed and not await _is_notified(connection):
                if self._lock.locked() or self._calls != calls:
                    return
                # The loop watches the socket itself, because psycopg would look at it ten times a second
                self._waiting = loop.create_future()
                loop.add_reader(connection.fileno(), self._end_wait)
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(end):
                        await self._waiting
                self._end_wait()
                if loop.time() >= end:
                    return
        except psycopg.Error as error:
            await self._disconnect()
            raise translate(error, self._address.shown) from error
        finally:
            self._end_wait()

    def _end_wait(self) -> None:
        """Stop watching the socket, because psycopg watches it during a call."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        if self._connection is not None and not self._connection.closed:
            asyncio.get_running_loop().remove_reader(self._connection.fileno())
        if not waiting.done():
            waiting.set_result(None)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _nothing(_connection: Connection, _verbs: Verbs) -> None:
    """Do nothing, where a connection is all that is needed."""


async def _is_notified(connection: Connection) -> bool:
    """Return True if another session has pushed since the last look."""
    own = connection.info.backend_pid
    return any([note.pid != own async for note in connection.notifies(timeout=0)])
