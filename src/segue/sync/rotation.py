"""Replace the key of an account.

1. The new key is recorded in a file beside the database, so that a copy that was begun can be erased after a crash.
2. Every batch is sealed again under the new key and pushed to the new account. Machine, number and token stay, so each
   machine continues where it was.
3. The old key is recorded. Then the new one takes its place in one step. A crash before this step leaves the old key
   and the old account; a crash after it leaves the new ones.
4. The old account is left with a mark, which other machines find.

Nothing is copied after step 3, because someone else may write with the old key. What a machine sent to the old account
in that moment, it sends again when it joins. Each round repeats step 4 until every machine wrote under the new key: a
machine that does not see the mark yet, as in a folder that is carried, would fill the account again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from anyio import to_thread
from msgspec import Struct

from segue.files import read_private, replace_file
from segue.runtime.progress import Progress
from segue.sync import keys
from segue.sync.keys import Key
from segue.sync.positions import Machine
from segue.sync.retired import MARK_MACHINE, check_not_retired, make_mark
from segue.sync.sealing import NewerVersion, Refused, seal_again
from segue.sync.transports.transport import Batch, Pushed, Transport, TransportError

MAX_BYTES = 1024 * 1024
"""Bytes: the largest file of a state."""


class Replaced(Struct):
    """A key that was replaced, and the newest batch of each machine at that time."""

    key: str
    heads: dict[str, int]


class State(Struct):
    """The file beside the database."""

    next: str | None = None
    """The key for which everything is being copied."""
    replaced: list[Replaced] = []


def state_path(database: Path) -> Path:
    """Return the path of the file."""
    return database.with_name("sync.rekey")


def read_state(database: Path) -> State:
    """Return what the file holds; nothing if there is none."""
    try:
        return msgspec.json.decode(read_private(state_path(database), MAX_BYTES) or b"{}", type=State)
    except msgspec.DecodeError:
        return State()


def write_state(database: Path, state: State) -> None:
    """Replace the file, or delete it if there is nothing to hold."""
    if state.next is None and not state.replaced:
        state_path(database).unlink(missing_ok=True)
    else:
        replace_file(state_path(database), msgspec.json.encode(state), durable=True)


def find_left(state: State, machines: Iterable[Machine]) -> set[str]:
    """Return the uids of the machines that have not written since a key was replaced."""
    return {
        one.uid.hex()
        for one in machines
        if not (one.is_own or one.is_former or one.forgotten)
        and any(one.pulled <= replaced.heads.get(one.uid.hex(), -1) for replaced in state.replaced)
    }


class Rotation:
    """The steps. `open_hub` opens the account of a key."""

    def __init__(self, database: Path, open_hub: Callable[[Key], Awaitable[Transport]]) -> None:
        self._database = database
        self._open_hub = open_hub

    async def replace(self, old: Key, machines: Iterable[Machine], progress: Progress) -> Key:
        """Copy the account to that of a new key, make this the key of the machine, and return it.

        Raises:
            TransportError: the hub cannot be used, or a batch cannot be copied. The old key is as it was.
            Retired: another machine has replaced the key.
        """
        await self.tidy(old)
        new = keys.new_key()
        state = read_state(self._database)
        state.next = new.to_line()
        write_state(self._database, state)
        try:
            heads = await self._copy(old, new, {one.uid.hex(): one for one in machines}, progress)
            state.replaced.append(Replaced(old.to_line(), heads))
            write_state(self._database, state)
            keys.replace_key(self._database, new)
        except Exception:
            with suppress(TransportError, OSError):
                await self.tidy(keys.read_key(self._database))
            raise
        await self.tidy(new)
        return new

    async def tidy(self, current: Key) -> None:
        """Complete or undo what a crash left of a replacement, by the key that the machine has.

        Raises:
            TransportError: the hub cannot be used.
        """
        state = read_state(self._database)
        if state.next is not None and state.next != current.to_line():
            async with self._at(keys.parse_line(state.next)) as copy:
                await copy.erase()
        replaced = [one for one in state.replaced if one.key != current.to_line()]
        if state.next is not None or replaced != state.replaced:
            write_state(self._database, State(None, replaced))

    async def retire(self, name: str, at: int, machines: Iterable[Machine]) -> None:
        """Leave a mark in the accounts of replaced keys, and forget these keys when all machines have the new one.

        NAME is this machine's.

        Raises:
            TransportError: the hub cannot be used.
        """
        state = read_state(self._database)
        for one in state.replaced:
            old = keys.parse_line(one.key)
            async with self._at(old) as account:
                if await account.heads() != {MARK_MACHINE: 1}:
                    await account.retire(make_mark(old, name, at))
        if state.replaced and not find_left(state, machines):
            write_state(self._database, State())

    async def is_retired(self, key: Key) -> bool:
        """Return True if the account of the key has a mark.

        Raises:
            TransportError: the hub cannot be used.
        """
        async with self._at(key) as account:
            return MARK_MACHINE in await account.heads()

    async def follow(self, old: Key, new: Key, heads: Mapping[str, int]) -> None:
        """Take a key that another machine made; HEADS are those of its account.

        Raises:
            TransportError: the hub cannot be used.
        """
        replaced = read_state(self._database).replaced
        if not await self.is_retired(old):  # Two machines replaced the key at the same time.
            replaced.append(Replaced(old.to_line(), dict(heads)))
        write_state(self._database, State(None, replaced))
        keys.replace_key(self._database, new)

    async def _copy(self, old: Key, new: Key, machines: dict[str, Machine], progress: Progress) -> dict[str, int]:
        """Copy all batches, and those that come meanwhile. Return the newest of each machine."""
        copied: dict[str, int] = {}
        async with self._at(old) as source, self._at(new) as target:
            while True:
                heads = await source.heads()
                await check_not_retired(source, old, heads)
                before = dict(copied)
                progress.begin("sealing again", sum(heads.values()), "batches")
                progress.add(sum(copied.values()))
                for uid in sorted(heads):
                    async for batch in source.pull(uid, copied.get(uid, 0)):
                        await self._copy_batch(target, old, new, batch, _name(uid, machines))
                        copied[uid] = batch.number
                        progress.add()
                if copied == before:
                    break
        for uid, head in heads.items():
            _check_complete(machines.get(uid), uid, copied.get(uid, 0), head)
        return copied

    async def _copy_batch(self, target: Transport, old: Key, new: Key, batch: Batch, name: str) -> None:
        try:
            sealed = await to_thread.run_sync(seal_again, old, new, batch)
        except (Refused, NewerVersion) as error:
            reason = "a newer segue wrote it; upgrade this one" if isinstance(error, NewerVersion) else str(error)
            raise TransportError(
                f"batch {batch.number} of {name} cannot be sealed again: {reason}", retry=False
            ) from None
        if await target.push(sealed) is not Pushed.STORED:
            raise TransportError("the new account was changed meanwhile; try again", retry=True)

    @asynccontextmanager
    async def _at(self, key: Key) -> AsyncIterator[Transport]:
        transport = await self._open_hub(key)
        try:
            yield transport
        finally:
            await transport.close()


def _name(uid: str, machines: dict[str, Machine]) -> str:
    known = machines.get(uid)
    return known.name if known is not None and known.name else uid[:8]


def _check_complete(machine: Machine | None, uid: str, copied: int, head: int) -> None:
    """Check that all batches of a machine were there, unless it is gone for good.

    Raises:
        TransportError: one did not arrive.
    """
    if copied < head and not (machine is not None and (machine.forgotten or machine.is_former)):
        name = _name(uid, {} if machine is None else {uid: machine})
        advice = f"wait for it, or run segue sync forget {name} if that machine is gone for good"
        raise TransportError(f"batch {copied + 1} of {name} did not arrive yet; {advice}", retry=True)
