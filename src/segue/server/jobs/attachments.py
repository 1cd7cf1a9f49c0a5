"""The attachment map: which connections have which session attached.

A session whose last connection closes without `session.detach` or `session.end` is marked as crashed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

import anyio

from segue.api.request import ClientConnection
from segue.errors import Overloaded, SegueError
from segue.models import EndStatus, Session
from segue.store.records import attachments, sessions
from segue.store.store import Store

log = logging.getLogger("segue.server")

RETRY_SECONDS = 0.05
"""Seconds between attempts to mark a session as crashed while the write queue is full."""


class Attachments:
    """The connections of each attached session.

    Each method changes the map and submits its write without a task switch in between, so that the writes have the
    order of the changes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: dict[str, dict[ClientConnection, int]] = {}
        """By session: its connections, each with the number of its latest attach."""
        self._numbers = count()
        self._draining = False

    def __len__(self) -> int:
        return len(self._clients)

    async def recover(self) -> None:
        """Mark the sessions that were attached to a killed daemon as crashed."""
        await self._store.write_deletion(attachments.mark_all_crashed)

    async def attach(self, client: ClientConnection, session_id: str) -> Session:
        """Attach the session to the connection and return it.

        Raises:
            NotFound: there is no such session.
        """
        if self._draining:  # The daemon is about to close the connection, which is not a crash.
            return await self._store.read(sessions.get, session_id)
        clients = self._clients.setdefault(session_id, {})
        added = client not in clients
        clients[client] = number = next(self._numbers)
        try:
            session, first = await self._store.write(attachments.attach, session_id)
        except BaseException:
            if added:
                self._release(client, session_id)
            raise
        client.own(("session", session_id), partial(self.on_disconnect, client, session_id))
        if first:
            self._forget_before(session_id, number)
        return session

    async def detach(self, client: ClientConnection, session_id: str) -> None:
        """Detach the session from the connection, without any other change."""
        with self._released(client, session_id) as was_last:
            if was_last:
                await self._store.write(attachments.detach, session_id)

    async def end(self, client: ClientConnection, session_id: str, status: EndStatus) -> Session:
        """End the session and detach it from the connection, in one transaction."""
        with self._released(client, session_id) as was_last:
            return await self._store.write(sessions.end, session_id, status, detach=was_last)

    async def on_disconnect(self, client: ClientConnection, session_id: str) -> None:
        """Mark the session as crashed if the closed connection was its last one."""
        if self._release(client, session_id):
            await self._mark_crashed(session_id)

    async def detach_all(self) -> None:
        """Detach every session, because the daemon exits; connections that close from now on change nothing."""
        self._draining = True
        if not self._clients:
            return
        self._clients.clear()
        try:
            await self._store.write(attachments.detach_all)
        except SegueError as error:  # The next daemon marks these sessions as crashed.
            log.warning("cannot detach the sessions of clients: %s", error)

    async def _mark_crashed(self, session_id: str) -> None:
        """Write until the queue has room, because there is no client to return the error to."""
        while session_id not in self._clients:
            try:
                return await self._store.write(attachments.mark_crashed, session_id)
            except Overloaded:
                await anyio.sleep(RETRY_SECONDS)
        return None

    def _forget_before(self, session_id: str, number: int) -> None:
        """Forget earlier connections: they had a deleted session of the same ID attached."""
        clients = self._clients.get(session_id, {})
        for client in [client for client, earlier in clients.items() if earlier < number]:
            del clients[client]

    @contextmanager
    def _released(self, client: ClientConnection, session_id: str) -> Iterator[bool]:
        """Detach the connection and yield True if it was the last one; attach it again if the body fails."""
        number = self._clients.get(session_id, {}).get(client)
        try:
            yield self._release(client, session_id)
        except BaseException:
            if number is not None:
                self._clients.setdefault(session_id, {}).setdefault(client, number)
            raise
        client.disown(("session", session_id))

    def _release(self, client: ClientConnection, session_id: str) -> bool:
        """Detach the connection; return True if it had the session attached and no other connection has."""
        clients = self._clients.get(session_id, {})
        if client not in clients:
            return False
        del clients[client]
        if clients:
            return False
        del self._clients[session_id]
        return True
