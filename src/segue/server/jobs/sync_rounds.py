"""The rounds of sync, and what else uses the hub of the account: one at a time."""

import errno
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from segue.errors import Conflict, SegueError, StorageError
from segue.paths import Paths
from segue.runtime.progress import Progress, RunningJobs
from segue.store.store import Store
from segue.store.sync import account
from segue.store.sync.homes import Home
from segue.sync import joining, keys, positions, starting
from segue.sync.keys import Key
from segue.sync.retired import MARK_MACHINE, Retired
from segue.sync.rotation import Rotation
from segue.sync.syncer import CopyFound, Syncer
from segue.sync.transports.hub import open_hub
from segue.sync.transports.transport import Transport, TransportError

T = TypeVar("T")

log = logging.getLogger("segue.sync")

RENAMES = 3
"""Names that one round may take before it gives up."""


class SyncRounds:
    """The connection to the hub. Its user holds `lock`."""

    def __init__(self, store: Store, paths: Paths, jobs: RunningJobs, on_deleted: Callable[[], None]) -> None:
        self._store = store
        self._database = paths.database
        self._config = paths.config.sync
        self._jobs = jobs
        self._on_deleted = on_deleted
        self.lock = anyio.Lock()
        self.rotation = Rotation(paths.database, self.open)
        self.error: str | None = None
        self.problems: list[str] = []
        self.retired: str | None = None
        """The way to join again after the key was replaced on another machine."""

    async def run(self, *, accept_deletions: bool) -> None:
        """Do both directions.

        Raises:
            Conflict: the hub cannot be used, or the key was replaced on another machine.
        """
        async with self.lock:
            with self._jobs.run("sync") as progress:
                await self._guarded(partial(self._round, progress, accept_deletions=accept_deletions))

    async def rekey(self) -> Key:
        """Do both directions, replace the key, and return the new one.

        Raises:
            Conflict: the hub cannot be used, or the key was replaced on another machine. The key is as it was.
            StorageError: the new key cannot be stored.
        """
        async with self.lock:
            with self._jobs.run("rekey") as progress:
                return await self._guarded(partial(self._replace_key, progress))

    async def _guarded(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work, and keep its error for the status."""
        try:
            await self._require_account()
            done = await work()
            self.error = self.retired = None
            return done
        except SegueError as error:
            self.error = error.message
            raise
        except TransportError as error:
            self.error = str(error)
            raise Conflict(self.error, reason="hub") from None
        except Retired as error:
            self.error = self.retired = str(error)
            raise Conflict(self.error, reason="rekeyed") from None
        except OSError as error:
            self.error = f"cannot write beside the database: {error.strerror or error}"
            raise StorageError(self.error, reason="full" if error.errno == errno.ENOSPC else "io") from None

    async def _require_account(self) -> None:
        """Check that this machine did not leave while the lock was waited for.

        Raises:
            Conflict: it did.
        """
        if await self._store.read(account.find) is None:
            raise Conflict("sync is off; this machine left", reason="sync_off")

    async def _round(self, progress: Progress, *, accept_deletions: bool) -> None:
        key = self.key()
        await self.rotation.tidy(key)
        for _ in range(RENAMES):
            transport = await self.open(key)
            try:
                syncer = Syncer(self._store, transport, key, self.home(), self._on_deleted, progress)
                syncer.accept_deletions = accept_deletions
                self.problems = (await syncer.run()).problems
                await starting.record_mark(self._store, self._database)
                break
            except CopyFound:
                log.warning("another copy of this database writes as this machine; taking a new name")
                await starting.rename(self._store, self._database)
            finally:
                await transport.close()
        else:
            raise Conflict("the hub shows another copy of this database again and again", reason="hub")
        await self._retire_old_keys()

    async def _replace_key(self, progress: Progress) -> Key:
        await self._round(progress, accept_deletions=False)
        new = await self.rotation.replace(self.key(), await self._store.read(positions.machines), progress)
        await self._retire_old_keys()
        return new

    async def _retire_old_keys(self) -> None:
        name, now = await self._store.read(positions.signature)
        try:
            await self.rotation.retire(name, now, await self._store.read(positions.machines))
        except TransportError as error:
            self.problems.append(f"the account of the old key is not erased yet: {error}")

    async def follow(self, url: str, key: Key, name: str | None) -> None:
        """Take a key that another machine made; the rest stays as it is.

        Raises:
            Conflict: the hub has not this history under the key, or it cannot be used.
        """
        async with self.lock:
            before = self.error, self.retired
            try:
                await self._guarded(partial(self._follow, url, key, name))
            except SegueError:
                self.error, self.retired = before  # The account that this machine has is as it was.
                raise

    async def _follow(self, url: str, key: Key, name: str | None) -> None:
        if key == self.key():
            if self.retired is not None:
                raise Conflict(self.retired, reason="rekeyed")
            raise Conflict("this machine has the key of this invitation already; run segue sync", reason="sync_on")
        transport = await self.open(key, url)
        try:
            await joining.check_account(transport, key, url)
            heads = await transport.heads()
        finally:
            await transport.close()
        known = {one.uid.hex() for one in await self._store.read(positions.machines)}
        # After a hub lost everything, the machine that replaced the key may be one that this one never met.
        if not known & heads.keys() and not await self.rotation.is_retired(self.key()):
            raise Conflict("sync is on already; run segue sync leave first", reason="sync_on")
        await self._store.write(joining.begin_again, url, name, heads)
        await self.rotation.follow(self.key(), key, heads)

    async def leave(self, *, erase: bool) -> None:
        """Undo what is not complete at the hub; with `erase`, delete the account there.

        Raises:
            Conflict: `erase`, and the hub cannot be used.
        """
        try:
            await self.rotation.tidy(self.key())
            await self._retire_old_keys()
            if erase:
                await self._erase()
        except (TransportError, Conflict) as error:
            if erase:
                raise Conflict(f"{error}; sync is still on (leave without erase needs no hub)", reason="hub") from None

    async def _erase(self) -> None:
        transport = await self.open(self.key())
        try:
            if MARK_MACHINE not in await transport.heads():  # Else other machines must find the mark.
                await transport.erase()
        finally:
            await transport.close()

    def key(self) -> Key:
        """Return the key of this machine.

        Raises:
            Conflict: its file is missing or cannot be used.
        """
        try:
            return keys.read_key(self._database)
        except ValueError as error:
            raise Conflict(str(error), reason="key") from None

    def home(self) -> Home:
        """Return the directory below which paths travel without it."""
        return Home(os.environ.get("HOME") if self._config.home_relative else None)

    async def open(self, key: Key | None = None, url: str | None = None) -> Transport:
        """Return the transport to the account of a key, by default this machine's.

        Raises:
            Conflict: the key cannot be read.
            TransportError: the hub cannot be used.
        """
        key = key or self.key()
        own = await self._store.read(account.get)
        names = await self._store.read(account.own_names)
        # In a thread, because the package of a hub may take 0.2 s to import.
        return await anyio.to_thread.run_sync(open_hub, url or self._config.url or own.url, key, names)
