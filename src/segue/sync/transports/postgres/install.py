"""The installer of the schema, for `segue sync hub`. One transaction makes everything or nothing."""

import secrets
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlunsplit

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from segue.sync.transports.postgres.address import parse
from segue.sync.transports.postgres.client import VERSION
from segue.sync.transports.postgres.errors import translate
from segue.sync.transports.transport import TransportError
from segue.sync.transports.validation import split_url

OWNER = "segue_hub"
"""The role that owns the schema. It cannot log in."""

PARTITIONED = ("machines", "batches")
GRANTED = ("push", "heads", "pull", "get", "replace", "erase")
"""The functions that a client executes."""

_FOLDER = Path(__file__).parent

Session = psycopg.Connection[tuple[Any, ...]]


class Installed(NamedTuple):
    """The result of an installation."""

    is_new: bool
    """False if the schema was there. Its functions and grants are renewed."""
    owner: str
    client: str
    password: str | None
    """The password of the clients' role, if the installer made the role."""
    url: str
    """The URL that clients use."""
    is_plain: bool
    """True if the clients use the tables."""


def install(url: str, client: str, partitions: int, *, plain: bool) -> Installed:
    """Install the schema and let a role use it.

    `partitions` is the number of hash partitions of each large table; 0 makes plain tables. With `plain`, the clients
    use the tables, because the database has no PL/pgSQL.

    Raises:
        TransportError: the role of the URL may not do it, or there is a newer version.
    """
    address = parse(url)
    try:
        with psycopg.connect(address.conninfo, prepare_threshold=None) as session:
            return _install(session, url, address.shown, client, 0 if plain else partitions, plain)
    except psycopg.errors.InsufficientPrivilege as error:
        reason = str(error).partition("\n")[0]
        advice = "connect as the owner of the database or a superuser, and name a role that exists by --client"
        raise TransportError(f"{address.shown}: {reason}; {advice}", retry=False) from error
    except psycopg.Error as error:
        raise translate(error, address.shown) from error


def _install(session: Session, url: str, hub: str, client: str, partitions: int, plain: bool) -> Installed:
    user, may_create_roles = _one(
        session, SQL("SELECT rolname, rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    )
    known = _known(session, hub)
    password = None if _has_role(session, client) else _make_client(session, client)
    owner = known or (OWNER if may_create_roles else user)
    if known is None and may_create_roles:
        _make_owner(session, user)
        session.execute(SQL("CREATE SCHEMA segue_hub AUTHORIZATION {}").format(Identifier(OWNER)))
    elif known is None:
        session.execute("CREATE SCHEMA segue_hub")
    database = Identifier(session.info.dbname)
    session.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, Identifier(client)))
    if owner != user:
        session.execute(SQL("SET LOCAL ROLE {}").format(Identifier(owner)))
    if known is None:
        _make_tables(session, partitions, plain)
    has_functions = _one(session, SQL("SELECT functions FROM segue_hub.version"))[0]
    if has_functions:
        session.execute(_script("functions.sql"))
    for statement in _grants(client, plain=not has_functions):
        session.execute(statement)
    return Installed(known is None, owner, client, password, client_url(url, client, password), not has_functions)


def _known(session: Session, hub: str) -> str | None:
    """Return the owner of the schema, or None if there is none."""
    owner = session.execute("SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'segue_hub'").fetchone()
    if owner is None:
        return None
    version = _one(session, SQL("SELECT number FROM segue_hub.version"))[0]
    if version > VERSION:
        raise TransportError(f"{hub} has version {version}, this segue installs {VERSION}; upgrade segue", retry=False)
    return str(owner[0])


def _make_tables(session: Session, partitions: int, plain: bool) -> None:
    """Create the tables. The bodies are not compressed, because sealed bytes cannot be."""
    script = _script("tables.sql")
    if not plain:
        script += b"ALTER TABLE segue_hub.batches ALTER body SET STORAGE EXTERNAL;"
    for table in PARTITIONED if partitions else ():
        head, columns = script.split(f"CREATE TABLE segue_hub.{table} (".encode())
        columns = columns.replace(b"\n);", b"\n) PARTITION BY HASH (account);", 1)
        script = head + f"CREATE TABLE segue_hub.{table} (".encode() + columns
    session.execute(script)
    for table in PARTITIONED:
        for index in range(partitions):
            names = Identifier("segue_hub", f"{table}_{index}"), Identifier("segue_hub", table)
            of = Literal(partitions), Literal(index)
            session.execute(
                SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES WITH (MODULUS {}, REMAINDER {})").format(*names, *of)
            )
    session.execute("INSERT INTO segue_hub.version (number, functions) VALUES (%s, %s)", (VERSION, not plain))


def _grants(client: str, *, plain: bool) -> list[Composed]:
    """Return the statements that let the role use the hub, and that let no other role use the functions."""
    role = Identifier(client)
    usage = [
        SQL("GRANT USAGE ON SCHEMA segue_hub TO {}").format(role),
        SQL("GRANT SELECT ON segue_hub.version TO {}").format(role),
    ]
    if plain:
        tables = SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON segue_hub.{} TO {}")
        return [*usage, *(tables.format(Identifier(table), role) for table in ("accounts", *PARTITIONED))]
    revoke = SQL("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA segue_hub FROM PUBLIC").format()
    execute = SQL("GRANT EXECUTE ON FUNCTION segue_hub.{} TO {}")
    return [*usage, revoke, *(execute.format(Identifier(name), role) for name in GRANTED)]


def _make_owner(session: Session, user: str) -> None:
    """Create the role that owns the schema, and make the installing role a member so that it may create for it."""
    if not _has_role(session, OWNER):
        session.execute(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(OWNER)))
    session.execute(SQL("GRANT {} TO {}").format(Identifier(OWNER), Identifier(user)))


def _make_client(session: Session, client: str) -> str:
    """Create the clients' role and return its password. The server gets only a hash of it."""
    password = secrets.token_urlsafe(24)
    pgconn = session.pgconn
    hashed = pgconn.encrypt_password(password.encode(), client.encode(), b"scram-sha-256").decode()
    session.execute(SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(Identifier(client), Literal(hashed)))
    return password


def _has_role(session: Session, role: str) -> bool:
    return session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None


def _one(session: Session, query: SQL) -> tuple[Any, ...]:
    found = session.execute(query).fetchone()
    assert found is not None  # noqa: S101 - Each query returns one row by its form
    return found


def _script(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def client_url(url: str, client: str, password: str | None) -> str:
    """Return the URL with the clients' role in place of the installing one."""
    parts = split_url(url)
    user = quote(client, safe="") + (f":{quote(password, safe='')}" if password else "")
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] not in ("user", "password")])
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}", query=query))
