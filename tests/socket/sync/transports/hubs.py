"""The hubs of the contract's tests. A class for each, with what a test does to a hub."""

import os
import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Self
from unittest.mock import patch

from segue.sync.transports.folder import FolderTransport
from segue.sync.transports.postgres.install import install
from segue.sync.transports.remote import open_remote
from segue.sync.transports.transport import Batch, Pushed, Transport
from tests.support.system.postgres import USER, Cluster, cluster_connector
from tests.support.system.proxy import Proxy
from tests.support.system.s3 import CREDENTIALS, Store

SECRET = bytes(32)
MACHINE, OTHER = "a" * 32, "0123456789abcdef" * 2

PROXIED = 6000
"""The port, which is a part of a socket's name, of the proxy before a cluster."""


def batch(number: int = 1, body: bytes = b"sealed", machine: str = MACHINE) -> Batch:
    """Return a batch with a token of its own."""
    return Batch(machine, number, secrets.token_bytes(16), body)


async def pulled(transport: Transport, machine: str = MACHINE, after: int = 0) -> list[Batch]:
    return [one async for one in transport.pull(machine, after)]


async def push_all(transport: Transport, *batches: Batch) -> None:
    for one in batches:
        assert await transport.push(one) is Pushed.STORED


class Hub(ABC):
    """A hub, with an account that no other test uses. At its end it closes every transport that was opened."""

    proxy: Proxy | None = None
    """The network to the hub."""

    def __init__(self) -> None:
        self.account = secrets.token_hex(16)
        self._stack = AsyncExitStack()

    def open(self, account: str | None = None, secret: bytes = SECRET, more: str = "") -> Transport:
        """Return a new transport. Its calls pass through `proxy`, if the hub is behind a network.

        MORE is added to the hub's URL.
        """
        transport = self._open(account or self.account, secret, more)
        self._stack.push_async_callback(transport.close)
        return transport

    @abstractmethod
    def _open(self, account: str, secret: bytes, more: str) -> Transport:
        """Return a new transport."""

    @abstractmethod
    def stored(self) -> bytes:
        """Return everything that the hub stores of the account, as it stores it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


class FolderHub(Hub):
    """A folder, used as each machine of the tests."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def _open(self, account: str, secret: bytes, more: str) -> Transport:
        return FolderTransport(self._folder, account, [MACHINE, OTHER])

    def stored(self) -> bytes:
        return b"".join(path.read_bytes() for path in self._folder.rglob("*") if path.is_file())


class PostgresHub(Hub):
    """A database with the hub's schema, behind a proxy."""

    proxy: Proxy

    def __init__(self, cluster: Cluster, database: str, url: str, proxy: Proxy) -> None:
        super().__init__()
        self.cluster = cluster
        self.database = database
        self.url = url
        self.proxy = proxy

    def _open(self, account: str, secret: bytes, more: str) -> Transport:
        return open_remote(self.url + more, account, secret)

    def stored(self) -> bytes:
        tables = " UNION ALL ".join(
            f"SELECT row_to_json(t)::text FROM segue_hub.{table} t WHERE account = '\\x{self.account}'"
            for table in ("accounts", "machines", "batches")
        )
        rows = self.cluster.sql(tables, self.database)
        return rows.encode() + b"".join(bytes.fromhex(part.split('"')[0]) for part in rows.split(r"\\x")[1:])


class S3Hub(Hub):
    """A bucket behind a proxy."""

    proxy: Proxy

    def __init__(self, store: Store, bucket: str, proxy: Proxy, port: int) -> None:
        super().__init__()
        self.proxy = proxy
        self.url = f"s3://{bucket}/some/folder?endpoint=http://127.0.0.1:{port}"
        self._store = store
        self._bucket = bucket

    def _open(self, account: str, secret: bytes, more: str) -> Transport:
        with patch.dict(os.environ, CREDENTIALS):
            return open_remote(self.url + more, account, secret)

    def stored(self) -> bytes:
        found = {name: body for name, body in self._store.objects(self._bucket).items() if self.account in name}
        return b"".join(name.encode() + body for name, body in found.items())


@contextmanager
def postgres_proxy(cluster: Cluster) -> Iterator[Proxy]:
    """Yield a proxy before the cluster's socket."""
    path = cluster.home / f".s.PGSQL.{PROXIED}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen()
        with Proxy(listener, cluster_connector(cluster)) as proxy:
            yield proxy


@contextmanager
def store_proxy(store: Store) -> Iterator[tuple[Proxy, int]]:
    """Yield a proxy before the store, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Proxy(listener, lambda: socket.create_connection(("127.0.0.1", store.port))) as proxy:
            yield proxy, port


def install_hubs(cluster: Cluster) -> Mapping[str, str]:
    """Install a hub by functions and one by statements. Return the clients' URLs by database."""
    urls, password = {}, ""
    for database, plain in (("functions", False), ("statements", True)):
        cluster.sql(f"CREATE DATABASE {database}")
        done = install(cluster.url(database), "segue_client", partitions=4, plain=plain)
        password = done.password or password
        client = cluster.url(database, user=f"segue_client:{password}", port=PROXIED)
        assert (
            done.url.partition("?")[0]
            == (client if done.password else cluster.url(database, "segue_client")).partition("?")[0]
        )
        urls[database] = client
    return urls


__all__ = ["MACHINE", "OTHER", "SECRET", "USER", "Hub", "PostgresHub", "S3Hub", "batch", "pulled", "push_all"]
