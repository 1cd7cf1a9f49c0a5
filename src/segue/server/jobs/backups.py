"""The backup job: one copy of the database at a time, while clients continue to read and write."""

from contextlib import suppress
from pathlib import Path

import anyio

from segue.errors import InvalidParams, SegueError, StorageError
from segue.paths import Paths
from segue.results import BackupResult
from segue.runtime.progress import RunningJobs
from segue.server.jobs.maintenance import Maintenance
from segue.store.engine.database_file import COMPANIONS
from segue.store.maintenance import backup
from segue.store.maintenance.backup_time import set_backup_time
from segue.store.store import Store

FINISH_SECONDS = 120
"""Seconds: limit of the wait for unfinished deletions, because clients that never stop deleting must not prevent a
backup."""


class Backups:
    """The job that makes backups."""

    def __init__(
        self, paths: Paths, store: Store, maintenance: Maintenance, job_lock: anyio.Lock, jobs: RunningJobs
    ) -> None:
        self._store = store
        self._maintenance = maintenance
        self._taken = _daemon_files(paths)
        self._job_lock = job_lock
        self._jobs = jobs

    async def make(self, path: str, *, overwrite: bool) -> BackupResult:
        """Copy the database, without what was deleted before, to the path; completes even if the client disconnects.

        Raises:
            InvalidParams: the path names a directory, a file of the daemon, or an unsafe place.
            Conflict: a file is there.
            StorageError: the copy cannot be written.
        """
        target = Path(path)
        if path.endswith("/") or not target.name:
            raise InvalidParams("names a directory; name a file in it", path="$.path")
        async with self._job_lock:
            with self._jobs.run("backup") as progress:
                progress.begin("removing deleted data")
                # A full disk prevents the deletions, and is a good reason for a backup on another disk.
                with anyio.move_on_after(FINISH_SECONDS), suppress(StorageError):
                    await self._maintenance.run_until(merged=True)
                size = await self._store.run_on_new_connection(
                    backup.back_up, target, progress, overwrite=overwrite, reserved=self._taken
                )
                with suppress(SegueError):  # The backup is good although this file has no room for its time.
                    await self._store.write(set_backup_time)
        return BackupResult(path=str(target), bytes=size)


def _daemon_files(paths: Paths) -> list[Path]:
    """Return the paths that a backup must never replace."""
    database, socket = paths.database, paths.socket
    beside = [database.with_name(database.name + suffix) for suffix in (*COMPANIONS, "-journal")]
    own = [paths.lock, paths.record, socket, socket.with_name(socket.name + ".lock"), paths.config_path]
    return [database, *beside, *own]
