"""Connecting to a hub on PostgreSQL: the meaning of a URL, and the errors when the hub cannot be used."""

import socket
from collections.abc import Mapping

import pytest
from psycopg.conninfo import conninfo_to_dict

from segue.sync.transports.postgres.address import parse
from segue.sync.transports.postgres.install import install
from segue.sync.transports.remote import open_remote
from segue.sync.transports.transport import Transport, TransportError
from tests.socket.sync.transports.hubs import SECRET
from tests.support.system.postgres import Cluster, cluster_connector
from tests.support.system.proxy import Proxy


async def failure(transport: Transport) -> TransportError:
    try:
        with pytest.raises(TransportError) as raised:
            await transport.heads()
    finally:
        await transport.close()
    return raised.value


async def failure_of(url: str) -> TransportError:
    return await failure(open_remote(url, "0" * 32, SECRET))


async def test_a_wrong_password_is_not_retried_and_not_shown(cluster: Cluster, urls: Mapping[str, str]) -> None:
    error = await failure_of(cluster.url("functions", "segue_client:wrong"))
    assert not error.retry
    assert "password authentication failed" in str(error)
    assert "check the password" in str(error)
    error = await failure_of(cluster.url("functions", "segue_client"))
    assert not error.retry
    assert "put the password into the URL" in str(error)
    for url in urls.values():
        assert url.split(":")[2].split("@")[0] not in str(await failure_of(url))


async def test_a_database_without_a_hub_says_which_command_makes_one(cluster: Cluster) -> None:
    error = await failure_of(cluster.url())
    assert not error.retry
    assert "has no hub; run: segue sync hub URL" in str(error)


async def test_a_database_that_does_not_exist_is_not_retried(cluster: Cluster) -> None:
    error = await failure_of(cluster.url("nowhere"))
    assert not error.retry
    assert 'database "nowhere" does not exist' in str(error)


async def test_a_role_without_rights_says_which_command_gives_them(cluster: Cluster, urls: Mapping[str, str]) -> None:
    cluster.sql("DROP ROLE IF EXISTS passer_by; CREATE ROLE passer_by LOGIN")
    error = await failure_of(cluster.url("functions", "passer_by"))
    assert not error.retry
    assert "run: segue sync hub URL --client ROLE" in str(error)


@pytest.mark.parametrize("host", ["nowhere.invalid", "127.0.0.1:1", "[::1]:1"])
async def test_a_host_that_cannot_be_reached_is_retried(host: str) -> None:
    error = await failure_of(f"postgresql://me:hidden@{host}/segue")
    assert error.retry
    assert "hidden" not in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://localhost/segue?listen=yes", "listen=yes; it is 0 or 1"),
        ("postgresql://localhost/segue?colour=red", 'invalid URI query parameter: "colour"'),
        ("postgresql://localhost:port/segue", "the URL of the hub is malformed"),
        ("postgresql://[::1/segue", "the URL of the hub is malformed"),
    ],
)
def test_a_malformed_url_is_refused(url: str, text: str) -> None:
    with pytest.raises(TransportError, match=text) as refused:
        open_remote(url, "0" * 32, SECRET)
    assert not refused.value.retry


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("db.example", "require"),
        ("192.0.2.1:6000", "require"),
        ("db.example/x?sslmode=verify-full", "verify-full"),
        ("db.example/x?sslmode=disable", "disable"),
        ("localhost", None),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("/x?host=/run/postgresql", None),
        ("/x?hostaddr=192.0.2.1", "require"),
        ("/x?host=localhost,db.example", "require"),
    ],
)
def test_a_connection_through_a_network_is_encrypted(host: str, mode: str | None) -> None:
    assert conninfo_to_dict(parse(f"postgresql://me@{host}").conninfo).get("sslmode") == mode


async def test_a_server_without_tls_says_what_to_do(cluster: Cluster) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Proxy(listener, cluster_connector(cluster)),
    ):
        error = await failure_of(f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/x?sslmode=require")
    assert not error.retry
    assert "add sslmode=disable to the URL of a trusted network" in str(error)


async def test_a_hub_of_a_newer_version_says_upgrade(cluster: Cluster) -> None:
    cluster.sql("CREATE DATABASE newer")
    install(cluster.url("newer"), "segue_client", 0, plain=False)
    cluster.sql("UPDATE segue_hub.version SET number = 2", "newer")
    error = await failure_of(cluster.url("newer"))
    assert not error.retry
    assert "upgrade segue" in str(error)
    with pytest.raises(TransportError, match="upgrade segue"):
        install(cluster.url("newer"), "segue_client", 0, plain=False)
