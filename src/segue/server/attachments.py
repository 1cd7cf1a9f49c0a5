"""Which connection has which session attached, and what becomes of a session whose clients vanish."""

from collections import defaultdict
from collections.abc import Hashable

from segue.store import attachments
from segue.store.engine import Store
from segue.types import Session


class Attachments:
    """The clients behind each session.

    The books are never left between a look and the write it leads to, so the marks in the file follow in order.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: defaultdict[str, set[Hashable]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._clients)

    async def recover(self) -> None:
        """Sessions that were attached to a daemon that died are crashed."""
        await self._store.write(attachments.abandon_all)

    async def attach(self, client: Hashable, session_id: str) -> Session:
        """The session, with the client behind it; NotFound if there is none."""
        fresh = client not in self._clients[session_id]
        self._clients[session_id].add(client)
        try:
            return await self._store.write(attachments.attach, session_id)
        except BaseException:
            if fresh:
                self._release(client, session_id)
            raise

    async def detach(self, client: Hashable, session_id: str) -> None:
        """The session without the client, otherwise as it is."""
        if self._release(client, session_id):
            await self._store.write(attachments.detach, session_id)

    async def vanish(self, client: Hashable) -> None:
        """The client's connection closed: what only it had attached is crashed."""
        held = [session_id for session_id, clients in self._clients.items() if client in clients]
        for session_id in held:
            if self._release(client, session_id):
                await self._store.write(attachments.abandon, session_id)

    async def detach_all(self) -> None:
        """The daemon leaves in good order: connections that close from now on change nothing."""
        self._clients.clear()
        await self._store.write(attachments.detach_all)

    def _release(self, client: Hashable, session_id: str) -> bool:
        """Whether the client had the session attached and nobody else has."""
        clients = self._clients.get(session_id, set())
        if client not in clients:
            return False
        clients.discard(client)
        if clients:
            return False
        del self._clients[session_id]
        return True
