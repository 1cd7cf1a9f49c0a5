"""Copies of the database for whoever asks, one after the other."""

from contextlib import suppress
from pathlib import Path

import anyio

from segue.errors import InvalidParams, StorageError
from segue.paths import Paths
from segue.results import BackupResult
from segue.store.engine.database_file import COMPANIONS
from segue.store.maintenance import backup
from segue.store.records import purges
from segue.store.search import index
from segue.store.store import Store

PAUSE_SECONDS = 0.005
"""Between two slices of the index: the writer belongs to the clients."""

FINISH_SECONDS = 120
"""For deletions that are not through: others who never stop deleting must not keep a copy from being made."""


class Backups:
    """Makes copies while everything else goes on."""

    def __init__(self, paths: Paths, store: Store, turn: anyio.Lock) -> None:
        self._store = store
        self._taken = _files(paths)
        self._turn = turn

    async def make(self, path: str, *, overwrite: bool) -> BackupResult:
        """A copy at the path, without what was deleted before; it is made whole even if the client goes away."""
        target = Path(path)
        if path.endswith("/") or not target.name:
            raise InvalidParams("names a directory; name a file in it", path="$.path")
        async with self._turn:
            await self._finish_deletions()
            size = await self._store.run_on_new_connection(
                backup.back_up, target, overwrite=overwrite, reserved=self._taken
            )
        return BackupResult(path=str(target), bytes=size)

    async def _finish_deletions(self) -> None:
        # No room to delete is a good reason for a copy elsewhere.
        with anyio.move_on_after(FINISH_SECONDS), suppress(StorageError):
            while await self._store.read(purges.are_due):
                await self._store.write(purges.remove_slice)
            while await self._store.read(index.merge_is_due):
                await self._store.write(index.merge_step)
                await anyio.sleep(PAUSE_SECONDS)


def _files(paths: Paths) -> list[Path]:
    """What a copy must never replace."""
    database, socket = paths.database, paths.socket
    beside = [database.with_name(database.name + suffix) for suffix in (*COMPANIONS, "-journal")]
    own = [paths.lock, paths.record, socket, socket.with_name(socket.name + ".lock"), paths.config_path]
    return [database, *beside, *own]
