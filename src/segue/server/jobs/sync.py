"""Sync in the background: the account of this database, and when the rounds run."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.to_thread

from segue.errors import Conflict, SegueError
from segue.events import Emitted
from segue.paths import Paths
from segue.runtime.progress import RunningJobs
from segue.server.jobs.sync_rounds import SyncRounds
from segue.status_results import SyncStatus
from segue.store.store import Store
from segue.store.sync import account, collecting, journal, lifecycle
from segue.sync import joining, keys, positions, rotation, starting
from segue.sync.keys import Key
from segue.sync.transports.hub import open_hub
from segue.sync.transports.transport import Transport, TransportError

log = logging.getLogger("segue.sync")

QUIET_SECONDS = 2.0
"""Seconds after a change before a round begins, so that a conversation's turn becomes one batch."""

LONGEST_PAUSE = 900.0
"""Seconds: the longest pause between two rounds after errors; it doubles with each error."""

FRESH_MS = 3_600_000
"""Milliseconds: the age of a round after which no cleanup runs, because other machines may have used a session."""

CLOCK_ERROR_MS = 86_400_000
"""Milliseconds: the difference to the hub's clock, or to other machines, from which on no cleanup runs."""


class SyncJob:
    """The account of this database, if it has one, and the rounds."""

    def __init__(self, store: Store, paths: Paths, jobs: RunningJobs, on_deleted: Callable[[], None]) -> None:
        self._store = store
        self._database = paths.database
        self._config = paths.config.sync
        self._rounds = SyncRounds(store, paths, jobs, on_deleted)
        self._changed = anyio.Event()
        self._watch: Transport | None = None
        """The way to the hub on which the job waits. A new one cannot know what was pushed before, so it is kept."""
        self.is_on = False
        self.cached: SyncStatus | None = None
        """The status after the last round, for `daemon.status`."""
        store.on_commit(self._note)

    async def load(self) -> None:
        """Take a new name if the database was copied, and record from now on what other machines need."""
        self.is_on = await starting.begin_life(self._store, self._database)
        if self.is_on:
            await self._turn_on()

    async def _turn_on(self) -> None:
        self._store.journal.record = journal.record
        self.is_on = True
        await self._store.write(account.set_anywhere, self._config.continue_ == "anywhere")
        self.cached = await self.status()
        self._changed.set()

    async def run(self) -> None:
        """Sync after changes and every interval until canceled.

        At the end, record the state of the database, so that an older one in its place is recognized.
        """
        try:
            await self._run_rounds()
        finally:
            with anyio.CancelScope(shield=True), suppress(SegueError):
                await self._close_watch()
                if self.is_on:
                    await starting.record_mark(self._store, self._database)

    async def _run_rounds(self) -> None:
        pause = 0.0
        while True:
            await self._wait(pause)
            if not self.is_on:
                continue
            try:
                await self.sync()
                pause = 0.0
            except SegueError as error:
                log.warning("sync failed: %s", error.message)
                pause = min(LONGEST_PAUSE, max(self._config.interval_seconds, 2 * pause))
            except Exception as error:  # noqa: BLE001 - A fault of sync must not stop the daemon.
                self._rounds.error = f"unexpected {type(error).__name__}; see the log of the daemon"
                log.warning("sync failed: %s", type(error).__name__)
                pause = LONGEST_PAUSE

    async def _wait(self, pause: float) -> None:
        """Return after a change here or at the hub, after the interval, or after the pause that an error needs.

        A change makes that pause as short as the interval: a machine in use finds a hub that is back soon.
        """
        if pause:
            interval = min(pause, self._config.interval_seconds)
            with anyio.move_on_after(pause - interval):
                await self._changed.wait()
            self._changed = anyio.Event()
            await anyio.sleep(interval)
            return
        async with anyio.create_task_group() as waits:
            waits.start_soon(self._wait_for_change, waits.cancel_scope)
            if self.is_on:
                waits.start_soon(self._wait_for_hub, waits.cancel_scope)
        self._changed = anyio.Event()

    async def _wait_for_change(self, scope: anyio.CancelScope) -> None:
        await self._changed.wait()
        await anyio.sleep(QUIET_SECONDS)
        scope.cancel()

    async def _wait_for_hub(self, scope: anyio.CancelScope) -> None:
        interval = self._config.interval_seconds
        try:
            if self._watch is None:
                self._watch = await self._rounds.open()
            await self._watch.wait(interval)
        except (TransportError, SegueError):
            await self._close_watch()
            await anyio.sleep(interval)
        scope.cancel()

    async def _close_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.close()

    def _note(self, emitted: list[Emitted]) -> None:
        if self.is_on and not self._rounds.lock.locked():
            self._changed.set()

    async def sync(self, *, accept_deletions: bool = False) -> SyncStatus:
        """Do both directions now.

        Raises:
            Conflict: sync is off, or the hub cannot be used.
        """
        self._require_on()
        joining.require_library()
        try:
            await self._rounds.run(accept_deletions=accept_deletions)
            await self._notice_changes()
        finally:
            if self.is_on:
                self.cached = await self.status()
        return await self.status()

    async def _notice_changes(self) -> None:
        """Have another round begin if a client changed something after the round had sent everything.

        `_note` ignores all events during a round, because most are of what came from other machines.
        """
        if self.is_on and await self._store.read(collecting.is_due):
            self._changed.set()

    async def rekey(self) -> str:
        """Replace the key, and return the invitation for other machines.

        Raises:
            Conflict: sync is off, the hub cannot be used, or the key was replaced on another machine.
            StorageError: the new key cannot be stored.
        """
        self._require_on()
        joining.require_library()
        try:
            key = await self._rounds.rekey()
            await self._notice_changes()
            return key.to_line()
        finally:
            await self._close_watch()
            if self.is_on:
                self.cached = await self.status()

    def _require_on(self) -> None:
        if not self.is_on:
            raise Conflict("sync is off; run segue sync init or segue sync join first", reason="sync_off")

    async def init(self, url: str, name: str | None) -> str:
        """Make a key and an account, and return the invitation for other machines.

        Raises:
            Conflict: sync is on, there is a key, or the hub cannot be used.
        """
        self._require_off()
        key = keys.new_key()
        joining.check_folder(url, self._database, create=True)
        await self._begin(url, key, name, expect_machines=False)
        return key.to_line()

    async def join(self, url: str, invitation: str, name: str | None) -> None:
        """Join the account of an invitation; if sync is on, take the new key of the account.

        Raises:
            Conflict: the invitation is mistyped, no machine wrote with it at the hub, or sync is on with another
                account.
        """
        joining.require_library()
        try:
            key = keys.parse_line(invitation)
        except ValueError as error:
            raise Conflict(str(error), reason="key") from None
        joining.check_folder(url, self._database, create=False)
        if self.is_on:
            await self._rounds.follow(url, key, name)
            await self._close_watch()
            self._changed.set()
            return
        await self._begin(url, key, name, expect_machines=True)

    def _require_off(self) -> None:
        joining.require_library()
        if self.is_on:
            raise Conflict("sync is on already; run segue sync leave first", reason="sync_on")

    async def _begin(self, url: str, key: Key, name: str | None, *, expect_machines: bool) -> None:
        try:
            transport = await anyio.to_thread.run_sync(open_hub, url, key, ())
            try:
                if expect_machines:
                    await joining.check_account(transport, key, url)
                else:
                    await transport.heads()
            finally:
                await transport.close()
        except TransportError as error:
            raise Conflict(str(error), reason="hub") from None
        try:
            keys.write_key(self._database, key)
        except FileExistsError:
            path = keys.key_path(self._database)
            raise Conflict(f"{path} exists; move it away if no machine needs it", reason="key") from None
        fingerprint = starting.new_fingerprint(self._database)
        self._store.journal.record = journal.record  # Before the write, because clients write right after it too.
        try:
            await self._store.write(lifecycle.begin, url, name or socket.gethostname(), fingerprint)
        except BaseException:
            self._store.journal.record = None
            keys.key_path(self._database).unlink(missing_ok=True)
            raise
        await starting.record_mark(self._store, self._database)
        await self._turn_on()

    def invite(self) -> str:
        """Return the line with which another machine joins."""
        self._require_on()
        if self._rounds.retired is not None:
            raise Conflict(self._rounds.retired, reason="rekeyed")
        return self._rounds.key().to_line()

    async def leave(self, *, erase: bool) -> None:
        """Turn sync off here; with `erase`, delete the account from the hub too. Everything stays on this machine."""
        self._require_on()
        async with self._rounds.lock:
            await self._rounds.leave(erase=erase)
            self._store.journal.record = None
            self.is_on = False
            await self._close_watch()
            await self._store.write(account.end)
            self.cached = None
            for path_of in (keys.key_path, starting.mark_path, rotation.state_path):
                with suppress(FileNotFoundError):
                    path_of(self._database).unlink()

    async def forget(self, machine: str) -> None:
        """Take over the batches of a machine that is gone for good, so that deletions reach them too.

        Raises:
            NotFound: there is no such machine.
            Conflict: it is this one.
        """
        self._require_on()
        await self._store.write(joining.forget, machine)

    async def status(self) -> SyncStatus:
        """Return the state of sync."""
        self._require_on()
        left = rotation.find_left(rotation.read_state(self._database), await self._store.read(positions.machines))
        rounds = self._rounds
        return await self._store.read(positions.status, error=rounds.error, problems=rounds.problems, left=left)

    async def allows_cleanup(self) -> bool:
        """Return False while a cleanup could delete what other machines use, or this machine's clock is wrong."""
        if not self.is_on:
            return True
        return await self._store.read(positions.allows_cleanup, FRESH_MS, CLOCK_ERROR_MS)
