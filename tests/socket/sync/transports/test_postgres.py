"""What a hub on PostgreSQL adds to the contract: rights, notifications, a killed server, errors."""

import asyncio
import signal
import socket
from collections.abc import Mapping

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from segue.sync.transports.postgres import client
from segue.sync.transports.postgres.address import parse
from segue.sync.transports.postgres.client import PostgresTransport
from segue.sync.transports.postgres.install import client_url, install
from segue.sync.transports.remote import open_remote
from segue.sync.transports.transport import Pushed, Transport, TransportError
from tests.socket.sync.transports.hubs import MACHINE, SECRET, PostgresHub, batch, cluster_connector
from tests.support.system.postgres import Cluster
from tests.support.system.proxy import Proxy
from tests.support.wire import TIMEOUT_SECONDS

SETTINGS = ["fsync=off", "log_min_messages=panic"]


async def failure(transport: Transport) -> TransportError:
    try:
        with pytest.raises(TransportError) as raised:
            await transport.heads()
    finally:
        await transport.close()
    return raised.value


async def failure_of(url: str) -> TransportError:
    return await failure(open_remote(url, "0" * 32, SECRET))


def backend(transport: Transport) -> int:
    """Return the process of the server that serves the transport."""
    assert isinstance(transport, PostgresTransport)
    assert transport._connection is not None
    return transport._connection.info.backend_pid


def is_served(hub: PostgresHub, pid: int) -> bool:
    return hub.cluster.sql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == "1"


def test_a_client_may_execute_the_six_functions_and_nothing_else(postgres_hub: PostgresHub) -> None:
    tables = [f"segue_hub.{name}" for name in ("accounts", "machines", "batches", "batches_0")]
    statements = [
        *(f"{verb} {table}" for table in tables for verb in ("SELECT * FROM", "DELETE FROM")),
        "INSERT INTO segue_hub.accounts VALUES ('', '')",
        "UPDATE segue_hub.version SET number = 9",
        "SELECT segue_hub.enter('', '')",
        "SELECT segue_hub.check_secret('', '')",
        "CREATE TABLE segue_hub.mine (a int)",
        "DROP FUNCTION segue_hub.heads(bytea, bytea)",
        "SET ROLE segue_hub",
    ]
    with psycopg.connect(postgres_hub.url, autocommit=True) as connection:
        for statement in statements:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)):
                connection.execute(statement)
        assert connection.execute("SELECT * FROM segue_hub.heads('', '')").fetchall() == []


def test_another_role_may_not_execute_the_functions(postgres_hub: PostgresHub) -> None:
    postgres_hub.cluster.sql("DROP ROLE IF EXISTS passer_by; CREATE ROLE passer_by LOGIN")
    url = postgres_hub.cluster.url("functions", "passer_by")
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM segue_hub.heads('', '')")


def test_functions_run_with_a_pinned_search_path_and_as_a_role_without_login(postgres_hub: PostgresHub) -> None:
    query = """
        SELECT DISTINCT prosecdef, proconfig::text, rolname, rolcanlogin, rolsuper
        FROM pg_proc JOIN pg_roles r ON r.oid = proowner WHERE pronamespace = 'segue_hub'::regnamespace
    """
    found = postgres_hub.cluster.sql(query, "functions").split("\t")
    assert found == ["t", '{"search_path=pg_catalog, pg_temp"}', "segue_hub", "f", "f"]


def test_bodies_are_stored_uncompressed_in_the_partition_of_the_account(postgres_hub: PostgresHub) -> None:
    query = """
        SELECT attstorage, count(*) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE attname = 'body' AND relkind IN ('r', 'p') AND relname LIKE 'batches%' GROUP BY 1
    """
    assert postgres_hub.cluster.sql(query, "functions") == "e\t5"  # the table and its four partitions


async def test_wait_ends_when_another_machine_pushes(postgres_hub: PostgresHub) -> None:
    mine, other = postgres_hub.open(), postgres_hub.open()
    await mine.heads()
    waiting = asyncio.create_task(mine.wait(TIMEOUT_SECONDS * 10))
    await other.push(batch())
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await waiting
    assert await mine.heads() == {MACHINE: 1}
    await mine.close()
    await other.close()


async def test_wait_reports_a_push_from_before_it(postgres_hub: PostgresHub) -> None:
    mine, other = postgres_hub.open(), postgres_hub.open()
    await mine.heads()
    await other.push(batch())
    await mine.now()  # The notification arrives during another call
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await mine.wait(TIMEOUT_SECONDS * 10)
    await mine.close()
    await other.close()


async def test_wait_does_not_end_by_an_own_push_or_another_account(postgres_hub: PostgresHub) -> None:
    mine, other = postgres_hub.open(), postgres_hub.open(account="f" * 32)
    await mine.push(batch())
    await other.push(batch())
    begin = asyncio.get_running_loop().time()
    await mine.wait(0.2)
    assert asyncio.get_running_loop().time() - begin >= 0.2
    await mine.close()
    await other.erase()
    await other.close()


async def test_a_call_ends_a_wait_of_the_same_transport(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open()
    await transport.push(batch())
    waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
    await asyncio.sleep(0)
    assert await transport.heads() == {MACHINE: 1}
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await waiting
    await transport.close()


async def test_a_wait_that_is_cancelled_leaves_the_connection_usable(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open()
    await transport.push(batch())
    for turns in range(8):
        waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await transport.heads() == {MACHINE: 1}
    await transport.close()


async def test_a_wait_reports_a_lost_server(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open()
    await transport.heads()
    waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
    await asyncio.sleep(0)
    postgres_hub.proxy.cut()
    with pytest.raises(TransportError) as lost:
        await waiting
    assert lost.value.retry
    postgres_hub.proxy.mend()
    assert await transport.heads() == {}
    await transport.close()


async def test_without_listen_a_wait_holds_no_connection(postgres_hub: PostgresHub) -> None:
    transport = open_remote(f"{postgres_hub.url}&listen=0", postgres_hub.account, SECRET)
    await transport.push(batch())
    pid = backend(transport)
    assert is_served(postgres_hub, pid)
    waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while is_served(postgres_hub, pid):
            await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await transport.heads() == {MACHINE: 1}
    await transport.close()


async def test_answered_pushes_survive_a_killed_server(postgres_hub: PostgresHub) -> None:
    answered: dict[str, int] = {}

    async def write(machine: str) -> None:
        transport = postgres_hub.open()
        answers: dict[int, Pushed | BaseException] = {}
        while not answers or answers[len(answers)] is Pushed.STORED:
            answered[machine] = len(answers)
            sent = batch(len(answers) + 1, bytes(3000), machine)
            [answers[sent.number]] = await asyncio.gather(transport.push(sent), return_exceptions=True)
        lost = answers[len(answers)]
        assert isinstance(lost, TransportError)
        assert lost.retry
        await transport.close()

    async def kill() -> None:
        while sum(answered.values()) < 60:
            await asyncio.sleep(0.001)
        await asyncio.to_thread(postgres_hub.cluster.kill)

    await asyncio.gather(kill(), *(write(f"{index:032x}") for index in range(4)))
    await asyncio.to_thread(postgres_hub.cluster.start, SETTINGS)
    transport = postgres_hub.open()
    heads = await transport.heads()
    for machine, number in answered.items():
        assert 0 < number <= heads[machine] <= number + 1
        assert [one.number async for one in transport.pull(machine, 0)] == [*range(1, heads[machine] + 1)]
    await transport.close()


@pytest.mark.long  # because psycopg tries for 5 s to cancel the query
async def test_a_server_that_hangs_is_given_up(postgres_hub: PostgresHub, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = postgres_hub.open()
    await transport.push(batch())
    pid = backend(transport)
    monkeypatch.setattr(client, "CALL_SECONDS", 0.2)
    postgres_hub.cluster.signal(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TransportError, match="did not respond") as hung:
            await transport.heads()
    finally:
        postgres_hub.cluster.signal(pid, signal.SIGCONT)
    assert hung.value.retry
    monkeypatch.undo()
    assert await transport.heads() == {MACHINE: 1}
    await transport.close()


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


@pytest.mark.parametrize(
    ("url", "of_clients"),
    [
        ("postgresql://db.example/hub", "postgresql://team%40x:s%2Fcret@db.example/hub"),
        ("postgres://admin:hidden@[::1]:6000/hub", "postgres://team%40x:s%2Fcret@[::1]:6000/hub"),
        (
            "postgresql:///hub?host=/run/pg&user=admin&password=hidden",
            "postgresql://team%40x:s%2Fcret@/hub?host=%2Frun%2Fpg",
        ),
    ],
)
def test_the_url_of_the_clients_has_nothing_of_the_installing_role(url: str, of_clients: str) -> None:
    assert client_url(url, "team@x", "s/cret") == of_clients
    assert conninfo_to_dict(of_clients)["user"] == "team@x"
    assert conninfo_to_dict(of_clients)["password"] == "s/cret"


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


def test_a_second_installation_keeps_the_data_and_lets_one_more_role_in(cluster: Cluster) -> None:
    cluster.sql("CREATE DATABASE twice")
    cluster.sql("CREATE ROLE team LOGIN")
    first = install(cluster.url("twice"), "segue_client", 2, plain=False)
    cluster.sql("INSERT INTO segue_hub.accounts VALUES (decode(repeat('00', 16), 'hex'), sha256(''))", "twice")
    second = install(cluster.url("twice"), "team", 8, plain=True)
    assert (first.is_new, second.is_new, second.is_plain) == (True, False, False)
    assert cluster.sql("SELECT count(*) FROM segue_hub.accounts", "twice") == "1"
    with psycopg.connect(cluster.url("twice", "team")) as connection:
        connection.execute("SELECT segue_hub.heads('', '')")


@pytest.mark.parametrize("rights", ["CREATEROLE", "NOCREATEROLE"])
def test_the_owner_of_a_database_may_install_without_being_a_superuser(cluster: Cluster, rights: str) -> None:
    name = f"owner_{rights.lower()}"
    cluster.sql(f"CREATE ROLE {name} LOGIN {rights}")
    cluster.sql(f"CREATE DATABASE {name} OWNER {name}")
    cluster.sql("DROP ROLE IF EXISTS users; CREATE ROLE users LOGIN")
    done = install(cluster.url(name, name), "users", 2, plain=False)
    assert done.owner == ("segue_hub" if rights == "CREATEROLE" else name)
    with psycopg.connect(cluster.url(name, "users")) as connection:
        connection.execute("SELECT segue_hub.heads('', '')")
    cluster.sql(f"DROP DATABASE {name}")


def test_a_role_that_may_not_install_leaves_nothing(cluster: Cluster) -> None:
    cluster.sql("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    with pytest.raises(TransportError, match="connect as the owner of the database") as refused:
        install(cluster.url(user="guest"), "segue_client", 2, plain=False)
    assert not refused.value.retry
    assert cluster.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'segue_hub'") == "0"
