"""PostgreSQL as Debian ships it, over its Unix socket, with its default settings: fsync and synchronous_commit on.

One append is one round trip of PostgreSQL's protocol: two prepared statements, the insert and the update, and Sync,
which commits both. Tables, index and statements are those of the sqlite3 peer. No row is parsed, so no driver could
be faster.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import Job, converse, run
from tests.bench.peers.sqlite_client import AT
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn
from tests.bench.texts import distribute, texts
from tests.support.system.postgres import START_SECONDS, USER, missing, open_cluster

READY = b"Z\x00\x00\x00\x05I"
"""Bytes: the end of every response, ready for the next query outside a transaction."""

BOUND = b"2\x00\x00\x00\x04"
"""Bytes: the beginning of a successful response, BindComplete. An error begins with E."""

SCHEMA = """
CREATE TABLE sessions (id text PRIMARY KEY, message_count bigint NOT NULL, updated_at text NOT NULL);
CREATE TABLE messages (
    id bigserial PRIMARY KEY, session_id text NOT NULL, role text NOT NULL, content text NOT NULL,
    created_at text NOT NULL
);
CREATE INDEX messages_by_session ON messages (session_id);
INSERT INTO sessions SELECT 'session-' || client, 0, '' FROM generate_series(0, {clients} - 1) AS client;
CHECKPOINT;
"""
INSERT = "INSERT INTO messages (session_id, role, content, created_at) VALUES ($1, 'user', $2, $3) RETURNING id"
UPDATE = "UPDATE sessions SET message_count = message_count + 1, updated_at = $1 WHERE id = $2"


class Postgres:
    """A new cluster for each opening."""

    name = "PostgreSQL"

    def missing(self) -> str | None:
        return missing()

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with open_cluster() as cluster:
            _prepare(cluster.socket, clients)
            yield _turn(cluster.socket, cluster.pid, clients)


def _turn(path: Path, pid: int, clients: int) -> Turn:
    requests = [
        [append(f"session-{client}", text) for text in mine] for client, mine in enumerate(distribute(texts(), clients))
    ]
    greetings = [startup(), parse("insert", INSERT) + parse("update", UPDATE) + message(b"S", b"")]

    def turn(length: Length) -> Load:
        return run(Job(str(path), requests, READY, BOUND, greetings, pid=pid, **length._asdict()))

    return turn


def startup() -> bytes:
    """Return the startup message: protocol 3.0, the cluster's user, the default database."""
    pairs = f"user\0{USER}\0database\0postgres\0\0".encode()
    return struct.pack("!ii", 8 + len(pairs), 3 << 16) + pairs


def message(kind: bytes, body: bytes) -> bytes:
    """Return one message of the protocol."""
    return kind + struct.pack("!i", 4 + len(body)) + body


def parse(name: str, sql: str) -> bytes:
    """Return the message that prepares a named statement."""
    return message(b"P", f"{name}\0{sql}\0".encode() + struct.pack("!h", 0))


def execute(name: str, *values: str) -> bytes:
    """Return the messages that bind a prepared statement to text values and execute it."""
    fields = b"".join(struct.pack("!i", len(value)) + value.encode() for value in values)
    bound = f"\0{name}\0".encode() + struct.pack("!hh", 0, len(values)) + fields + struct.pack("!h", 0)
    return message(b"B", bound) + message(b"E", b"\0" + struct.pack("!i", 0))


def append(session_id: str, text: str) -> bytes:
    """Return the messages of both statements, committed together."""
    return execute("insert", session_id, text, AT) + execute("update", AT, session_id) + message(b"S", b"")


def _prepare(path: Path, clients: int) -> None:
    """Create the tables."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(START_SECONDS)
        connection.connect(str(path))
        converse(connection, startup(), READY)
        for statement in SCHEMA.format(clients=clients).strip().split(";")[:-1]:
            converse(connection, message(b"Q", f"{statement}\0".encode()), READY)
