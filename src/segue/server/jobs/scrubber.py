"""Secrets taken out of everything that is stored, in small transactions."""

from collections import Counter

import anyio

from segue.results import ScrubResult
from segue.server.events.event_log import EventLog
from segue.server.jobs.wal_cleaner import WalCleaner
from segue.store.maintenance import scrub
from segue.store.search import index
from segue.store.store import Store

TOLD_IDS = 1000
"""Ids of one table that a result names."""

PAUSE_SECONDS = 0.002
"""Between two slices: the writer and the processor belong to the clients."""


class Scrubbing:
    """Looks through the whole file while everything else goes on."""

    def __init__(self, store: Store, backlog: EventLog, traces: WalCleaner, turn: anyio.Lock) -> None:
        self._store = store
        self._backlog = backlog
        self._traces = traces
        self._turn = turn

    async def run(self, *, dry_run: bool) -> ScrubResult:
        """What was found, and taken out unless it is a rehearsal; what is appended meanwhile is looked at too."""
        async with self._turn:
            kinds: Counter[str] = Counter()
            rows = {table: await self._go_through(table, kinds, dry_run=dry_run) for table in scrub.TEXTS}
            wiped = None if dry_run else await self._wipe(found=bool(kinds))
        return ScrubResult(
            dry_run=dry_run,
            found=dict(sorted(kinds.items())),
            rows={table: len(ids) for table, ids in rows.items() if ids},
            session_ids=[str(id) for id in rows["sessions"]][:TOLD_IDS],
            message_ids=[int(id) for id in rows["messages"]][:TOLD_IDS],
            memory_ids=[int(id) for id in rows["memories"]][:TOLD_IDS],
            wiped=wiped,
        )

    async def _go_through(self, table: str, kinds: Counter[str], *, dry_run: bool) -> list[int | str]:
        """The ids of the table's rows that hold secrets."""
        ids: list[int | str] = []
        after: int | None = -(2**63)
        while after is not None:
            after, found = await self._store.read(scrub.find_secrets, table, after)
            for row in found:
                taken = row.kinds if dry_run else await self._store.write(scrub.redact_row, table, row.rowid)
                kinds.update(taken)
                ids += [row.id] if taken else []
            await anyio.sleep(PAUSE_SECONDS)
        return ids

    async def _wipe(self, *, found: bool) -> bool:
        """Leave nothing in the index, the WAL and the events that are kept for who comes back."""
        if found:
            await self._store.write(index.schedule_merge)
            self._backlog.invalidate()
        return await self._traces.wipe()
