"""Which connection has which session attached, and what becomes of a session whose clients vanish."""

import logging
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import count

import anyio

from segue.errors import Overloaded, SegueError
from segue.models import EndStatus, Session
from segue.store.records import attachments, sessions
from segue.store.store import Store

log = logging.getLogger("segue.server")

RETRY_SECONDS = 0.05
"""Between two attempts to note that a client vanished while too many writes wait."""


class Attachments:
    """The clients behind each session.

    The books are never left between a look and the write it leads to, so the marks in the file follow in order.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: dict[str, dict[Hashable, int]] = {}
        """Of each session its clients, each with a number that grows with every attach."""
        self._numbers = count()
        self._leaving = False

    def __len__(self) -> int:
        return len(self._clients)

    async def recover(self) -> None:
        """Sessions that were attached to a daemon that died are crashed."""
        await self._store.write(attachments.abandon_all)

    async def attach(self, client: Hashable, session_id: str) -> Session:
        """The session, with the client behind it; NotFound if there is none."""
        if self._leaving:  # the connection is about to be closed by us, which is no crash
            return await self._store.read(sessions.get, session_id)
        clients = self._clients.setdefault(session_id, {})
        fresh = client not in clients
        clients[client] = number = next(self._numbers)
        try:
            session, first = await self._store.write(attachments.attach, session_id)
        except BaseException:
            if fresh:
                self._release(client, session_id)
            raise
        if first:
            self._forget_before(session_id, number)
        return session

    async def detach(self, client: Hashable, session_id: str) -> None:
        """The session without the client, otherwise as it is."""
        with self._released(client, session_id) as was_last:
            if was_last:
                await self._store.write(attachments.detach, session_id)

    async def end(self, client: Hashable, session_id: str, status: EndStatus) -> Session:
        """The session, ended and without the client, both or neither."""
        with self._released(client, session_id) as was_last:
            return await self._store.write(sessions.end, session_id, status, detach=was_last)

    async def on_disconnect(self, client: Hashable) -> None:
        """The client's connection closed: what only it had attached is crashed."""
        held = [session_id for session_id, clients in self._clients.items() if client in clients]
        for session_id in held:
            if self._release(client, session_id):
                await self._abandon(session_id)

    async def detach_all(self) -> None:
        """The daemon leaves in good order: connections that close from now on change nothing."""
        self._leaving = True
        if not self._clients:
            return
        self._clients.clear()
        try:
            await self._store.write(attachments.detach_all)
        except SegueError as error:  # the next daemon takes them for crashed
            log.warning("cannot detach the sessions of clients: %s", error)

    async def _abandon(self, session_id: str) -> None:
        """Nobody is left who could be told to try again later."""
        while session_id not in self._clients:
            try:
                return await self._store.write(attachments.mark_crashed, session_id)
            except Overloaded:
                await anyio.sleep(RETRY_SECONDS)
        return None

    def _forget_before(self, session_id: str, number: int) -> None:
        """Those who came earlier had another session attached, of the same id and deleted since."""
        clients = self._clients.get(session_id, {})
        for client in [client for client, earlier in clients.items() if earlier < number]:
            del clients[client]

    @contextmanager
    def _released(self, client: Hashable, session_id: str) -> Iterator[bool]:
        """Without the client for good, unless what is done inside fails; says whether it was the last one."""
        number = self._clients.get(session_id, {}).get(client)
        try:
            yield self._release(client, session_id)
        except BaseException:
            if number is not None:
                self._clients.setdefault(session_id, {}).setdefault(client, number)
            raise

    def _release(self, client: Hashable, session_id: str) -> bool:
        """Whether the client had the session attached and nobody else has."""
        clients = self._clients.get(session_id, {})
        if client not in clients:
            return False
        del clients[client]
        if clients:
            return False
        del self._clients[session_id]
        return True
