"""The hubs, started when a test first needs them."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from segue.sync.transports.transport import Transport
from tests.socket.sync.transports.hubs import (
    FolderHub,
    Hub,
    PostgresHub,
    S3Hub,
    install_hubs,
    postgres_proxy,
    store_proxy,
)
from tests.support.system.postgres import Cluster, open_cluster
from tests.support.system.proxy import Proxy
from tests.support.system.s3 import Store, open_store

REMOTE_HUBS = ["functions", "statements", "s3"]
"""The hubs behind a network: PostgreSQL in both ways, a bucket. They have a proxy, and check the account's secret."""

HUBS = [*REMOTE_HUBS, "folder"]
"""The hubs that must fulfill the contract."""

Open = Callable[..., Transport]


@pytest.fixture(scope="session")
def hubs_on_postgres() -> Iterator[tuple[Cluster, Mapping[str, str]]]:
    """Run PostgreSQL with both hubs, before any test installs another: the first one makes the role with its password.

    It does not wait for the disk, because no test cuts the power.
    """
    with open_cluster(["fsync=off", "log_min_messages=panic"]) as cluster:
        yield cluster, install_hubs(cluster)


@pytest.fixture(scope="session")
def cluster(hubs_on_postgres: tuple[Cluster, Mapping[str, str]]) -> Cluster:
    """Return the running PostgreSQL."""
    return hubs_on_postgres[0]


@pytest.fixture(scope="session")
def urls(hubs_on_postgres: tuple[Cluster, Mapping[str, str]]) -> Mapping[str, str]:
    """Return the URLs of the databases with a hub."""
    return hubs_on_postgres[1]


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """Run a store with a bucket `hubs`."""
    with open_store() as store:
        store.create_bucket("hubs")
        yield store


@pytest.fixture
def postgres_network(cluster: Cluster) -> Iterator[Proxy]:
    with postgres_proxy(cluster) as proxy:
        yield proxy


@pytest.fixture
async def s3_hub(store: Store) -> AsyncIterator[S3Hub]:
    with store_proxy(store) as (proxy, port):
        async with S3Hub(store, "hubs", proxy, port) as hub:
            yield hub


@pytest.fixture
async def folder_hub(tmp_path: Path) -> AsyncIterator[FolderHub]:
    async with FolderHub(tmp_path) as hub:
        yield hub


@pytest.fixture
async def postgres_hub(
    cluster: Cluster, urls: Mapping[str, str], postgres_network: Proxy
) -> AsyncIterator[PostgresHub]:
    async with PostgresHub(cluster, "functions", urls["functions"], postgres_network) as hub:
        yield hub


@pytest.fixture
async def statements_hub(
    cluster: Cluster, urls: Mapping[str, str], postgres_network: Proxy
) -> AsyncIterator[PostgresHub]:
    async with PostgresHub(cluster, "statements", urls["statements"], postgres_network) as hub:
        yield hub


on_remote_hubs = pytest.mark.parametrize("hub", REMOTE_HUBS, indirect=True)
"""Run a test on the hubs behind a network only."""

FIXTURES = {"folder": "folder_hub", "functions": "postgres_hub", "statements": "statements_hub", "s3": "s3_hub"}


@pytest.fixture(params=HUBS)
def hub(request: pytest.FixtureRequest) -> Hub:
    """Return each hub in turn."""
    found: Hub = request.getfixturevalue(FIXTURES[request.param])
    return found


@pytest.fixture
def open_hub(hub: Hub) -> Open:
    """Return the function that opens a transport."""
    return hub.open
