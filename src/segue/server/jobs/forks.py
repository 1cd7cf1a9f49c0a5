"""The fork job: copies a long session in slices, so that other clients write meanwhile."""

import anyio

from segue.events import Emitted
from segue.models import Session
from segue.server.jobs.maintenance import Maintenance
from segue.store.records import forks
from segue.store.store import Store

PAUSE_SECONDS = 0.005
"""Seconds: pause between two slices, because clients share the writer."""

ATTEMPTS = 3
"""Attempts to copy in slices while clients change the original. Then one transaction copies it."""

CHANGES = frozenset({"message.updated", "messages.deleted", "session.deleted"})
"""Events of the original after which a copy is not the state of one moment."""


class Forks:
    """The job that copies sessions, one long one at a time."""

    def __init__(self, store: Store, maintenance: Maintenance) -> None:
        self._store = store
        self._maintenance = maintenance
        self._origin: str | None = None
        self._changed = False
        store.on_commit(self._note_changes)

    async def make(self, session_id: str, upto_message_id: int | None, name: str | None) -> Session:
        """Copy the session; other clients see the copy when it is complete.

        Raises:
            NotFound: there is no such session or message.
            InvalidParams: the message is of another session.
        """
        if not await self._store.read(forks.is_short, session_id):
            async with self._maintenance.copy_lock:
                for _ in range(ATTEMPTS):
                    copied = await self._copy(session_id, upto_message_id, name)
                    if copied is not None:
                        return copied
        return await self._store.write(forks.fork, session_id, upto_message_id, name)

    async def _copy(self, session_id: str, upto_message_id: int | None, name: str | None) -> Session | None:
        """Copy the session in slices; return None if a client changed its messages meanwhile."""
        self._origin, self._changed = session_id, False
        upto, bounds = await self._store.read_on_new_connection(forks.plan_copy, session_id, upto_message_id)
        copy = self._maintenance.copying = await self._store.write(forks.begin_copy)
        slices: list[forks.CopiedSlice] = []
        after = 0
        try:
            for bound in bounds:
                slices.append(await self._store.write(forks.copy_slice, session_id, copy, after, bound))
                after = bound
                await anyio.sleep(PAUSE_SECONDS)
            if self._changed:
                return None
            return await self._store.write(forks.reveal_copy, session_id, upto, copy, name, slices)
        finally:
            self._origin = self._maintenance.copying = None
            self._maintenance.mark_deleted()  # The worker removes the slices of a copy that was not revealed.

    def _note_changes(self, emitted: list[Emitted]) -> None:
        if self._origin is not None:
            self._changed |= any(event.session_id == self._origin and event.kind in CHANGES for event in emitted)
