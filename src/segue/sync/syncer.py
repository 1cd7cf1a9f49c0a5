"""One round of sync: pull, check the hub, push, and rewrite batches that hold something deleted."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from anyio import sleep, to_thread

from segue.runtime.progress import Progress
from segue.store.store import Store
from segue.store.sync import account, collecting, contents, erasing, lifecycle
from segue.store.sync.account import Account
from segue.store.sync.contents import BatchName
from segue.store.sync.homes import Home
from segue.store.sync.merging import merge
from segue.store.sync.wire import Contents, MessageRecord, Record
from segue.sync.keys import Key
from segue.sync.positions import (
    Machine,
    Outbox,
    count_unsealed,
    fill_contents,
    finish_round,
    guard,
    machines,
    outbox,
    rewind,
)
from segue.sync.retired import check_not_retired
from segue.sync.sealing import NewerVersion, Refused, open_batch, seal
from segue.sync.transports.transport import Batch, Pushed, Transport

MAX_ATTEMPTS = 3
"""Attempts to seal while clients change what is published; then the next round tries again."""

BUSY_COMMITS = 10
"""Commits of clients during one batch, from which on a push rests after it. A person makes one now and then."""

REST_SECONDS = 3.0
"""Seconds of such a rest. A batch of 512 messages takes 25 ms of the processor, so clients keep 99 % of it."""


class CopyFound(Exception):
    """Another copy of this database writes as this machine, so this one needs another name."""


class Round(NamedTuple):
    """The result of one round."""

    pulled: int
    pushed: int
    problems: list[str]


class Syncer:
    """The rounds over one transport. It lives as long as this machine has its name."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        key: Key,
        home: Home,
        on_deleted: Callable[[], None],
        progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._transport = transport
        self._key = key
        self._home = home
        self._on_deleted = on_deleted
        self._progress = progress or Progress("sync")
        self._problems: list[str] = []
        self._times: list[int] = []
        self._pulled = self._pushed = 0
        self.accept_deletions = False

    async def run(self) -> Round:
        """Do both directions, and return what was done.

        Raises:
            TransportError: the hub cannot be used.
            CopyFound: this machine needs another name.
            Retired: the key was replaced on another machine.
        """
        self._problems, self._times, self._pulled, self._pushed = [], [], 0, 0
        self._progress.begin("asking the hub")
        heads = await self._transport.heads()
        await check_not_retired(self._transport, self._key, heads)
        await self._check_outbox()
        own = await self._store.read(account.get)
        uid = (await self._store.read(account.machine_uid, own.machine)).hex()
        await self._deliver_outbox()
        if heads.get(uid, 0) > (await self._store.read(account.get)).accepted:
            raise CopyFound
        await self._notice_losses(own, uid, heads)
        await self._pull(uid, heads)
        if heads.get(uid, 0) < own.accepted:
            # Empty batches take the place of those that the hub lost, because numbers are never used again.
            await self._fill(uid, own.accepted + 1)
        await self._push()
        if await self._erase():
            await self._push()
        await self._store.write(finish_round, await self._transport.now(), self._times)
        return Round(self._pulled, self._pushed, self._problems)

    async def _notice_losses(self, own: Account, uid: str, heads: Mapping[str, int]) -> None:
        """Have everything published again if the hub lost batches, and everything there checked for deleted texts."""
        known = await self._store.read(machines)
        behind = [one for one in known if heads.get(one.uid.hex(), 0) < one.pulled and not one.is_own]
        if heads.get(uid, 0) < own.accepted or behind:
            await self._store.write(rewind, {bytes.fromhex(name): head for name, head in heads.items()})

    async def _check_outbox(self) -> None:
        """Take a batch out of the outbox that is sealed under an old key, unless it was copied to this account."""
        waiting = await self._store.read(outbox)
        if waiting is None:
            return
        batch = Batch(waiting.machine, waiting.number, waiting.token, waiting.body)
        try:
            await to_thread.run_sync(open_batch, self._key, batch)
        except Refused:
            stored = await self._transport.get(batch.machine, batch.number)
            is_there = stored is not None and stored.token == batch.token
            await self._store.write(lifecycle.accept if is_there else lifecycle.take_back, batch.number)

    async def _deliver_outbox(self) -> None:
        """Push the sealed batch that the hub may not have yet.

        Raises:
            CopyFound: the hub has another batch with its number.
        """
        waiting = await self._store.read(outbox)
        if waiting is None:
            return
        batch = Batch(waiting.machine, waiting.number, waiting.token, waiting.body)
        await self._deliver(waiting, batch)

    async def _deliver(self, waiting: Outbox, batch: Batch) -> None:
        pushed = await self._transport.push(batch)
        if pushed is Pushed.GAP:
            await self._fill(batch.machine, batch.number)
            pushed = await self._transport.push(batch)
        if pushed is not Pushed.STORED:
            raise CopyFound
        await self._store.write(lifecycle.accept, waiting.number)
        self._pushed += 1

    async def _fill(self, uid: str, before: int) -> None:
        heads = await self._transport.heads()
        await check_not_retired(self._transport, self._key, heads)
        head = heads.get(uid, 0)
        empty = await self._store.read(fill_contents)
        for number in range(head + 1, before):
            await self._transport.push(seal(self._key, uid, number, empty))

    async def _pull(self, own: str, heads: Mapping[str, int]) -> None:
        known = {one.uid.hex(): one for one in await self._store.read(machines)}
        new = {uid: head - (known[uid].pulled if uid in known else 0) for uid, head in heads.items() if uid != own}
        if total := sum(max(0, count) for count in new.values()):
            self._progress.begin("receiving", total, "batches")
        for uid in sorted(heads):
            if uid != own:
                await self._pull_machine(uid, known.get(uid))

    async def _pull_machine(self, uid: str, known: Machine | None) -> None:
        name = known.name if known and known.name else uid[:8]
        async for batch in self._transport.pull(uid, known.pulled if known else 0):
            try:
                read = await to_thread.run_sync(open_batch, self._key, batch)
            except Refused as error:
                self._problems.append(f"batch {batch.number} of {name} is refused: {error}")
                return
            except NewerVersion:
                self._problems.append(f"{name} has a newer segue; upgrade this one")
                return
            deletions = await self._store.write(guard, read.records, accept=self.accept_deletions)
            if deletions:
                text = f"{deletions} sessions would be deleted, as on {name}; run: segue sync --accept-deletions"
                self._problems.append(text)
                return
            await self._apply(uid, batch.number, read)
            self._times.append(read.at)
            self._pulled += 1
            self._progress.add()

    async def _apply(self, uid: str, number: int, read: Contents) -> None:
        machine = await self._store.write(account.machine_number, bytes.fromhex(uid))
        stale = deleted = False
        for part in merge.slices(read.records):
            merged = await self._store.write_long(merge.merge_slice, part, self._home, machine)
            stale, deleted = stale or merged.stale, deleted or merged.deleted
        await self._store.write(merge.finish, BatchName(machine, number), read, stale=stale)
        if deleted:
            self._on_deleted()

    async def _push(self) -> None:
        if total := await self._store.read(count_unsealed):
            self._progress.begin("sending", total, "messages")
        await self._deliver_outbox()
        before = self._store.commit_count
        while (count := await self._seal_next()) is not None:
            await self._deliver_outbox()
            self._progress.add(count)
            if self._store.commit_count - before >= BUSY_COMMITS:
                await sleep(REST_SECONDS)
            before = self._store.commit_count

    async def _seal_next(self) -> int | None:
        """Seal the next batch into the outbox; return how many messages it has, or None if nothing is to be sent."""
        for _ in range(MAX_ATTEMPTS):
            collected = await self._store.read_on_new_connection(collecting.collect, self._home)
            if collected is None:
                return None
            if collected.is_empty:
                if await self._store.write(collecting.skip, collected):
                    return 0
                continue
            machine = collected.machine.hex()
            batch = await to_thread.run_sync(seal, self._key, machine, collected.number, collected.contents)
            if await self._store.write(collecting.store, collected, batch.token, batch.body):
                return sum(isinstance(record, MessageRecord) for record in collected.contents.records)
        return None

    async def _erase(self) -> bool:
        """Rewrite batches that hold something deleted; return True if there was one."""
        last = BatchName(0, 0)
        if count := await self._store.read(contents.count_erase):
            self._progress.begin("rewriting what holds deleted text", count, "batches")
        while (name := await self._store.read(contents.next_erase, last)) is not None:
            await self._erase_batch(name)
            self._progress.add()
            last = name
        return last.number > 0

    async def _erase_batch(self, name: BatchName) -> None:
        uid = (await self._store.read(account.machine_uid, name.machine)).hex()
        batch = await self._transport.get(uid, name.number)
        records: list[Record] | None = None
        if batch is not None:
            try:
                read = await to_thread.run_sync(open_batch, self._key, batch)
            except (Refused, NewerVersion):
                return
            records = await self._store.read(erasing.remaining, read.records, self._home)
            if records != read.records:
                read.records = records
                new = await to_thread.run_sync(partial(seal, self._key, uid, name.number, read))
                if not await self._transport.replace(new, batch.token):
                    records = None  # Its machine rewrites it, or another one has.
        await self._store.write(contents.erased, name, records)
