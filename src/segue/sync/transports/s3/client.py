"""The transport to a hub in a bucket.

An account is a folder of the bucket: `ACCOUNT/secret` and `ACCOUNT/batches/MACHINE/NUMBER`. An object is the token and
then the body of a batch. If-None-Match and If-Match make push and replace atomic.

The bucket has no accounts of its own: a client with its credentials could read and delete every sealed batch.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from segue.sync.transports.s3.address import Address, parse
from segue.sync.transports.s3.errors import translate
from segue.sync.transports.transport import Batch, Pushed, TransportError
from segue.sync.transports.validation import (
    TOKEN_BYTES,
    UID,
    check_account,
    check_batch,
    check_machine,
    check_name,
    check_token,
)

CALL_SECONDS, CONNECT_SECONDS = 60, 10

PULLED_AT_A_TIME = 8
"""Batches that are requested concurrently, because one request takes a round trip."""

_NUMBER = re.compile(r"[0-9]{20}", re.ASCII)
"""The name of a batch. Other programs may have left other objects."""

OLD_VERSIONS = "keeps old versions of deleted batches; turn versioning off for it, or use another bucket"


class Known(NamedTuple):
    """The state of an object."""

    token: bytes
    etag: str


class S3Transport:
    """One account in a bucket."""

    def __init__(self, url: str, account: str, secret: bytes) -> None:
        check_account(account)
        address = parse(url)
        self._hub = address.shown
        self._store = _open(address, account)
        self._hash = sha256(secret).hexdigest().encode()
        self._is_entered = self._is_checked = False
        """True if the account has this secret; and if the store obeys the conditions."""
        self._heads: dict[str, int] = {}

    async def push(self, batch: Batch) -> Pushed:
        """Store a new batch durably."""
        check_batch(batch)
        with self._translated():
            await self._enter(register=True)
            if batch.number > 1 and await self._known(batch.machine, batch.number - 1) is None:
                return Pushed.GAP
            if await self._create(_path(batch.machine, batch.number), batch.token + batch.body):
                return Pushed.STORED
            known = await self._known(batch.machine, batch.number)
        if known is None:
            raise TransportError(f"{self._hub}: another request for the same batch is in progress", retry=True)
        return Pushed.STORED if known.token == batch.token else Pushed.TAKEN

    async def heads(self) -> Mapping[str, int]:
        """Return the newest number of each machine that has written, by the uid of the machine."""
        with self._translated():
            await self._enter()
            found = await obstore.list_with_delimiter_async(self._store, "batches")
            folders = [str(prefix).rpartition("/")[2] for prefix in found["common_prefixes"]]
            machines = [name for name in folders if UID.fullmatch(name)]
            heads = await asyncio.gather(*map(self._head, machines))
        self._heads = {machine: head for machine, head in zip(machines, heads, strict=True) if head}
        return dict(self._heads)

    async def pull(self, machine: str, after: int) -> AsyncIterator[Batch]:
        """Yield the machine's batches with a larger number, in order and without a gap."""
        check_machine(machine)
        with self._translated():
            await self._enter()
            head = await self._head(machine)
        for first in range(after + 1, head + 1, PULLED_AT_A_TIME):
            numbers = range(first, min(first + PULLED_AT_A_TIME, head + 1))
            for batch in await asyncio.gather(*(self.get(machine, number) for number in numbers)):
                if batch is None:
                    return
                yield batch

    async def get(self, machine: str, number: int) -> Batch | None:
        """Return one batch, or None if the hub does not have it."""
        check_name(machine, number)
        with self._translated():
            await self._enter()
            try:
                found = await obstore.get_async(self._store, _path(machine, number))
                content = bytes(await found.bytes_async())
            except FileNotFoundError as error:
                self._check_bucket(error)
                return None
        return Batch(machine, number, content[:TOKEN_BYTES], content[TOKEN_BYTES:])

    async def replace(self, batch: Batch, old_token: bytes) -> bool:
        """Replace a batch whose token is `old_token`. Return False if it differs."""
        check_batch(batch)
        check_token(old_token)
        with self._translated():
            await self._enter()
            known = await self._known(batch.machine, batch.number)
            if known is None or known.token not in (old_token, batch.token):
                return False
            if known.token == batch.token:
                return True
            return await self._overwrite(_path(batch.machine, batch.number), batch.token + batch.body, known.etag)

    async def now(self) -> int | None:
        """Return the store's clock in ms since 1970, in steps of a second."""
        with self._translated():
            await self._enter()
            await obstore.put_async(self._store, "clock", b"0", use_multipart=False)
            written = await obstore.head_async(self._store, "clock")
        return round(written["last_modified"].timestamp() * 1000)

    async def wait(self, seconds: float) -> None:
        """Sleep, because a bucket cannot tell."""
        await asyncio.sleep(seconds)

    async def erase(self) -> None:
        """Delete all objects of the account, the secret last."""
        with self._translated():
            await self._enter()
            for folder in ("batches", None):
                async for page in obstore.list(self._store, folder):
                    await obstore.delete_async(self._store, [item["path"] for item in page])
        self._is_entered = self._is_checked = False
        self._heads = {}

    async def retire(self, last: Batch) -> None:
        """Store a last batch, then delete all others."""
        await self.push(last)
        kept = _path(last.machine, last.number)
        with self._translated():
            async for page in obstore.list(self._store, "batches"):
                await obstore.delete_async(self._store, [one["path"] for one in page if one["path"] != kept])
        self._heads = {}

    async def close(self) -> None:
        """Do nothing: the connections of the store end with the object."""

    async def _enter(self, *, register: bool = False) -> None:
        """Check the account's secret once, and register the account when it first writes.

        Raises:
            TransportError: it has another secret, or the store cannot be a hub.
        """
        if self._is_checked or (self._is_entered and not register):
            return
        if register:
            await self._create("secret", self._hash)
        try:
            found = await obstore.get_async(self._store, "secret")
        except FileNotFoundError as error:
            self._check_bucket(error)
            return
        if bytes(await found.bytes_async()) != self._hash:
            raise TransportError(f"{self._hub} refuses the account: it has another secret", retry=False)
        if register:
            await self._check_conditions()
        self._is_entered, self._is_checked = True, register

    async def _check_conditions(self) -> None:
        """Check that the store obeys both conditions, because one that ignores them would lose batches.

        Raises:
            TransportError: it does not.
        """
        # Twice, because another machine may have erased the account before the first attempt
        created = [await self._create("secret", self._hash) for _ in range(2)]
        if all(created) or await self._overwrite("secret", self._hash, '"another"'):
            reason = "ignores If-None-Match or If-Match, so two machines could overwrite each other's batches"
            raise TransportError(f"{self._hub} cannot be a hub: the store {reason}", retry=False)

    async def _create(self, path: str, content: bytes) -> bool:
        """Create an object. Return False if there is one."""
        try:
            put = await obstore.put_async(self._store, path, content, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        self._check_version(put["version"])
        return True

    async def _overwrite(self, path: str, content: bytes, etag: str) -> bool:
        """Overwrite an object that has the ETag. Return False if it has another one."""
        try:
            put = await obstore.put_async(self._store, path, content, mode={"e_tag": etag}, use_multipart=False)
        except (PreconditionError, FileNotFoundError):
            return False
        self._check_version(put["version"])
        return True

    def _check_version(self, version: str | None) -> None:
        """Check that the bucket does not keep what was overwritten.

        Raises:
            TransportError: it does. What was written stays.
        """
        if version not in (None, "null"):
            raise TransportError(f"{self._hub} {OLD_VERSIONS}", retry=False)

    async def _known(self, machine: str, number: int) -> Known | None:
        """Return token and ETag of a batch, or None if there is none."""
        try:
            found = await obstore.get_async(self._store, _path(machine, number), options={"range": (0, TOKEN_BYTES)})
        except FileNotFoundError as error:
            self._check_bucket(error)
            return None
        return Known(bytes(await found.bytes_async()), found.meta["e_tag"] or "")

    async def _head(self, machine: str) -> int:
        """Return the newest number of a machine, or 0.

        The list begins with the newest batch that is known. If that is gone, the bucket was restored: the list begins
        with the first batch.
        """
        known = self._heads.get(machine, 0)
        head = await self._last(machine, known - 1)
        return head if head or not known else await self._last(machine, 0)

    async def _last(self, machine: str, after: int) -> int:
        """Return the largest number above `after`, or 0."""
        head = 0
        offset = _path(machine, after) if after > 0 else None
        async for page in obstore.list(self._store, f"batches/{machine}", offset=offset):
            names = [str(item["path"]).rpartition("/")[2] for item in page]
            head = max([int(name) for name in names if _NUMBER.fullmatch(name)], default=head)
        return head

    def _check_bucket(self, error: Exception) -> None:
        """Check that an object is missing and not the whole bucket.

        Raises:
            TransportError: there is no such bucket.
        """
        if "NoSuchBucket" in str(error):
            raise translate(error, self._hub) from None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise the errors of obstore as those of a transport."""
        try:
            yield
        except (BaseError, OSError, NotImplementedError, ValueError) as error:
            raise translate(error, self._hub) from error


def _open(address: Address, account: str) -> S3Store:
    prefix = "/".join(part for part in (address.prefix, account) if part)
    is_plain = bool(address.endpoint) and str(address.endpoint).startswith("http:")
    config: dict[str, Any] = {**address.settings, **({"endpoint": address.endpoint} if address.endpoint else {})}
    return S3Store(
        address.bucket,
        prefix=prefix,
        client_options={
            "allow_http": is_plain,
            "timeout": timedelta(seconds=CALL_SECONDS),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        },
        # The caller retries, because only it can tell a lost answer from a batch of another machine
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=CALL_SECONDS)},
        **config,
    )


def _path(machine: str, number: int) -> str:
    """Return the name of a batch, in which the order of names is the order of numbers."""
    return f"batches/{machine}/{number:020d}"
