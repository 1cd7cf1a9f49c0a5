"""Installing a hub on PostgreSQL: who may do it, what it stores and where, and the rights that it gives."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from segue.sync.transports.postgres.install import client_url, install
from segue.sync.transports.transport import TransportError
from tests.socket.sync.transports.hubs import PostgresHub
from tests.support.system.postgres import Cluster


async def test_a_client_may_execute_the_six_functions_and_nothing_else(postgres_hub: PostgresHub) -> None:
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


async def test_another_role_may_not_execute_the_functions(postgres_hub: PostgresHub) -> None:
    postgres_hub.cluster.sql("DROP ROLE IF EXISTS passer_by; CREATE ROLE passer_by LOGIN")
    url = postgres_hub.cluster.url("functions", "passer_by")
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM segue_hub.heads('', '')")


async def test_functions_run_with_a_pinned_search_path_and_as_a_role_without_login(postgres_hub: PostgresHub) -> None:
    query = """
        SELECT DISTINCT prosecdef, proconfig::text, rolname, rolcanlogin, rolsuper
        FROM pg_proc JOIN pg_roles r ON r.oid = proowner WHERE pronamespace = 'segue_hub'::regnamespace
    """
    found = postgres_hub.cluster.sql(query, "functions").split("\t")
    assert found == ["t", '{"search_path=pg_catalog, pg_temp"}', "segue_hub", "f", "f"]


async def test_bodies_are_stored_uncompressed_in_the_partition_of_the_account(postgres_hub: PostgresHub) -> None:
    query = """
        SELECT attstorage, count(*) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE attname = 'body' AND relkind IN ('r', 'p') AND relname LIKE 'batches%' GROUP BY 1
    """
    assert postgres_hub.cluster.sql(query, "functions") == "e\t5"  # the table and its four partitions


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
    users = f"users_of_{name}"
    cluster.sql(f"CREATE ROLE {users} LOGIN")
    done = install(cluster.url(name, name), users, 2, plain=False)
    assert done.owner == ("segue_hub" if rights == "CREATEROLE" else name)
    with psycopg.connect(cluster.url(name, users)) as connection:
        connection.execute("SELECT segue_hub.heads('', '')")


def test_a_role_that_may_not_install_leaves_nothing(cluster: Cluster) -> None:
    cluster.sql("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    with pytest.raises(TransportError, match="connect as the owner of the database") as refused:
        install(cluster.url(user="guest"), "segue_client", 2, plain=False)
    assert not refused.value.retry
    assert cluster.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'segue_hub'") == "0"
