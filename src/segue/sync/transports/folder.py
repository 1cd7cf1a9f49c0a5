"""A folder as a hub: a disk, a network file system, or a folder that Syncthing, Dropbox or git carries.

DIR/ACCOUNT/MACHINE/NUMBER holds a batch. Only one machine writes below its name, so that the carrier never finds two
versions of a file. A file is written under another name and then linked to its own, so it is never half there, unless
the carrier copies it in parts: its first bytes say how long it is.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread

from segue.files import create_file, sync_directory
from segue.sync.transports.transport import Batch, Pushed, TransportError
from segue.sync.transports.validation import check_batch, check_name

T = TypeVar("T")

MAGIC = b"segue batch\n"
LENGTH_BYTES = 8
TOKEN_BYTES = 16
HEADER_BYTES = len(MAGIC) + LENGTH_BYTES + TOKEN_BYTES

_NUMBER = re.compile(r"[0-9]{10}")
_MACHINE = re.compile(r"[0-9a-f]{32}")

LOOK_SECONDS = 2.0
"""Seconds between two looks at the folder while `wait` waits."""

ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room there"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "check who may write there"),
    errno.EROFS: "mount its disk for writing",
}
"""What to do after an error."""

STALE_SECONDS = 3600.0
"""Seconds: the age of a temporary file that a killed daemon left."""


class FolderTransport:
    """One account in a folder. `own` are the machines by whose names only this one writes; see `Transport`."""

    def __init__(self, directory: Path, account: str, own: Collection[str]) -> None:
        self._directory = directory
        self._account = directory / account
        self._own = frozenset(own)

    async def push(self, batch: Batch) -> Pushed:
        """Store a new batch durably."""
        check_batch(batch)
        return await self._run(self._push, batch)

    def _push(self, batch: Batch) -> Pushed:
        path = self._path(batch.machine, batch.number)
        if (found := _read(path)) is not None or path.exists():
            return Pushed.STORED if found is not None and found[0] == batch.token else Pushed.TAKEN
        if batch.number > 1 and not self._path(batch.machine, batch.number - 1).exists():
            return Pushed.GAP
        for directory in (self._account, path.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
        _remove_stale(path.parent)
        temporary = path.with_name(f".tmp-{path.name}-{os.urandom(4).hex()}")
        create_file(temporary, _encode(batch), durable=True)
        try:
            try:
                os.link(temporary, path)
            except FileExistsError:  # Perhaps by an attempt that was canceled, whose thread still runs
                found = _read(path)
                return Pushed.STORED if found is not None and found[0] == batch.token else Pushed.TAKEN
            except OSError:  # A file system without hard links. No other machine writes here.
                temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_directory(path.parent)
        return Pushed.STORED

    async def heads(self) -> Mapping[str, int]:
        """Return the newest number of each machine that has written."""
        return await self._run(self._heads)

    def _heads(self) -> dict[str, int]:
        heads = {}
        for directory in self._machines():
            numbers = [int(name) for name in os.listdir(directory) if _NUMBER.fullmatch(name)]  # noqa: PTH208
            if numbers:
                heads[directory.name] = max(numbers)
        return heads

    def _machines(self) -> list[Path]:
        if not self._account.is_dir():
            return []
        return [path for path in self._account.iterdir() if _MACHINE.fullmatch(path.name) and path.is_dir()]

    async def pull(self, machine: str, after: int) -> AsyncIterator[Batch]:
        """Yield the machine's batches with a larger number; end at one that has not arrived or is not complete."""
        while (batch := await self.get(machine, after + 1)) is not None:
            yield batch
            after += 1

    async def get(self, machine: str, number: int) -> Batch | None:
        """Return one batch, or None if the folder does not have all of it."""
        check_name(machine, number)
        found = await self._run(_read, self._path(machine, number))
        return None if found is None else Batch(machine, number, *found)

    async def replace(self, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch of this machine."""
        check_batch(batch)
        return batch.machine in self._own and await self._run(self._replace, batch, old_token)

    def _replace(self, batch: Batch, old_token: bytes) -> bool:
        path = self._path(batch.machine, batch.number)
        found = _read(path)
        if found is None or found[0] not in (old_token, batch.token):
            return False
        temporary = path.with_name(f".tmp-{path.name}-{os.urandom(4).hex()}")
        create_file(temporary, _encode(batch), durable=True)
        temporary.rename(path)
        sync_directory(path.parent)
        return True

    async def now(self) -> int | None:
        """Return None, because a folder has no clock."""
        return None

    async def wait(self, seconds: float) -> None:
        """Return when another machine's files changed, at the latest after the given time."""
        deadline = anyio.current_time() + seconds
        before = await self._run(self._changes)
        while (left := deadline - anyio.current_time()) > 0:
            await anyio.sleep(min(LOOK_SECONDS, left))
            with suppress(TransportError):
                if await self._run(self._changes) != before:
                    return

    def _changes(self) -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in self._machines() if path.name not in self._own}

    async def erase(self) -> None:
        """Delete the whole account from the folder."""
        await self._run(self._erase)

    def _erase(self) -> None:
        if self._account.is_dir():
            shutil.rmtree(self._account)

    async def retire(self, last: Batch) -> None:
        """Store a last batch, then delete all others."""
        await self.push(last)
        await self._run(self._keep_only, last.machine)

    def _keep_only(self, kept: str) -> None:
        for directory in self._machines():
            if directory.name != kept:
                shutil.rmtree(directory)

    async def close(self) -> None:
        """Do nothing: nothing stays open."""

    def _path(self, machine: str, number: int) -> Path:
        return self._account / machine / f"{number:010d}"

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        """Run FUNCTION in a thread, because a network file system may take long."""
        if not await to_thread.run_sync(self._directory.is_dir):
            raise TransportError(f"there is no folder {self._directory}; mount its disk, or create it", retry=True)
        try:
            return await to_thread.run_sync(partial(function, *args))
        except OSError as error:
            advice = ADVICE.get(error.errno or 0, "check the disk or the network that it is on")
            reason = f"cannot use {self._directory}: {error.strerror or error}; {advice}"
            raise TransportError(reason, retry=True) from None


def _encode(batch: Batch) -> bytes:
    return MAGIC + len(batch.body).to_bytes(LENGTH_BYTES, "big") + batch.token + batch.body


def _read(path: Path) -> tuple[bytes, bytes] | None:
    """Return token and body of a file; None if it is missing or not complete."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
        return None
    size = int.from_bytes(data[len(MAGIC) : len(MAGIC) + LENGTH_BYTES], "big")
    body = data[HEADER_BYTES:]
    return None if len(body) < size else (data[HEADER_BYTES - TOKEN_BYTES : HEADER_BYTES], body[:size])


def _remove_stale(directory: Path) -> None:
    for path in directory.glob(".tmp-*"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - STALE_SECONDS:
                path.unlink()
