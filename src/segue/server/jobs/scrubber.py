"""The scrub job: redacts the secrets in all stored texts, in small transactions."""

from collections import Counter

import anyio

from segue.results import ScrubResult
from segue.runtime.progress import Progress, RunningJobs
from segue.server.events.event_log import EventLog
from segue.server.jobs.maintenance import Maintenance
from segue.store.maintenance import scrub
from segue.store.search import index
from segue.store.store import Store

MAX_RESULT_IDS = 1000
"""IDs of one table in a result. The counts are of all rows."""

PAUSE_SECONDS = 0.002
"""Seconds: pause between two slices, because clients share the writer and the processor."""


class Scrubber:
    """The scrub of the whole database while clients continue to read and write."""

    def __init__(
        self, store: Store, event_log: EventLog, maintenance: Maintenance, job_lock: anyio.Lock, jobs: RunningJobs
    ) -> None:
        self._store = store
        self._event_log = event_log
        self._maintenance = maintenance
        self._job_lock = job_lock
        self._jobs = jobs

    async def run(self, *, dry_run: bool) -> ScrubResult:
        """Find secrets, and redact them unless `dry_run` is set. Rows that clients append meanwhile are included."""
        kinds: Counter[str] = Counter()
        async with self._job_lock:
            with self._jobs.run("scrub") as progress:
                progress.begin("searching", await self._store.read(scrub.count_rows), "rows")
                rows = {table: await self._scan(table, kinds, progress, dry_run=dry_run) for table in scrub.TEXTS}
                progress.begin("removing old values")
                wiped = None if dry_run else await self._remove_old_values(found=bool(kinds))
        return ScrubResult(
            dry_run=dry_run,
            found=dict(sorted(kinds.items())),
            rows={table: len(ids) for table, ids in rows.items() if ids},
            session_ids=[str(id) for id in rows["sessions"]][:MAX_RESULT_IDS],
            message_ids=[int(id) for id in rows["messages"]][:MAX_RESULT_IDS],
            memory_ids=[int(id) for id in rows["memories"]][:MAX_RESULT_IDS],
            wiped=wiped,
        )

    async def _scan(self, table: str, kinds: Counter[str], progress: Progress, *, dry_run: bool) -> list[int | str]:
        """Return the IDs of the table's rows that held secrets."""
        ids: list[int | str] = []
        after: int | None = -(2**63)
        while after is not None:
            after, found, searched = await self._store.read(scrub.find_secrets, table, after)
            progress.add(searched)
            for row in found:
                redacted = (
                    row.kinds if dry_run else await self._store.write_deletion(scrub.redact_row, table, row.rowid)
                )
                kinds.update(redacted)
                ids += [row.id] if redacted else []
            await anyio.sleep(PAUSE_SECONDS)
        return ids

    async def _remove_old_values(self, *, found: bool) -> bool:
        """Remove the secrets from the index, the WAL and the event log; return False if a long read keeps the WAL."""
        if found:
            await self._store.write_deletion(index.schedule_merge)
            self._event_log.invalidate()
        return await self._maintenance.run_until(clean=True)
