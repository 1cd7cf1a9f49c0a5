"""PostgreSQL as Debian ships it, over its Unix socket, with its default settings: fsync and synchronous_commit on.

One append is one round trip of PostgreSQL's protocol: two prepared statements, the insert and the update, and Sync,
which commits both. Tables, index and statements are those of the sqlite3 peer. No row is parsed, so no driver could
be faster.
"""

import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.load import Job, converse, run
from tests.bench.peers.sqlite_client import AT
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn
from tests.bench.texts import distribute, texts

START_SECONDS = 60
READY = b"Z\x00\x00\x00\x05I"
"""Bytes: the end of every response, ready for the next query outside a transaction."""

BOUND = b"2\x00\x00\x00\x04"
"""Bytes: the beginning of a successful response, BindComplete. An error begins with E."""

CLUSTER_USER = "bench"
PORT = "5432"

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
        if _program("initdb") is None:
            return "not installed (postgresql)"
        if os.geteuid() == 0 and _account() is None:
            return "needs an unprivileged account (postgres or nobody)"
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with _own_folder() as home:
            options = ["-A", "trust", "-U", CLUSTER_USER, "-E", "UTF8", "--locale=C", "--no-sync"]
            subprocess.run(
                [str(_program("initdb")), "-D", str(home / "data"), *options],
                check=True,
                capture_output=True,
                cwd=home,
                **_as_account(),
            )
            with _served(home) as process:
                path = home / f".s.PGSQL.{PORT}"
                _prepare(path, clients)
                yield _turn(path, process.pid, clients)


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
    pairs = f"user\0{CLUSTER_USER}\0database\0postgres\0\0".encode()
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


@contextmanager
def _served(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(_program("postgres")), "-D", str(home / "data"), "-k", str(home), "-p", PORT, "-h", ""]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, **_as_account())
    try:
        yield process
    finally:
        process.terminate()  # Smart shutdown; the clients have disconnected.
        process.wait(START_SECONDS)


def _prepare(path: Path, clients: int) -> None:
    """Create the tables as soon as the server accepts connections.

    Raises:
        RuntimeError: it does not within `START_SECONDS`.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(START_SECONDS)
                connection.connect(str(path))
                converse(connection, startup(), READY)
                for statement in SCHEMA.format(clients=clients).strip().split(";")[:-1]:
                    converse(connection, message(b"Q", f"{statement}\0".encode()), READY)
                return
        except (OSError, RuntimeError):  # not listening yet, or starting up
            time.sleep(0.05)
    raise RuntimeError("PostgreSQL does not serve")


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Yield a directory of PostgreSQL's account, because it refuses to run as root. Its path fits a socket."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if (account := _account()) is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield Path(folder)


def _account() -> pwd.struct_passwd | None:
    """Return the account to run the server as; None for the caller's own."""
    if os.geteuid():
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known.get("nobody")


def _as_account() -> dict[str, Any]:
    account = _account()
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _program(name: str) -> Path | None:
    """Return the newest version of a program. Debian installs them outside PATH."""

    def version(path: Path) -> float:
        return float(path.parts[-3])

    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=version)
    on_path = shutil.which(name)
    return found[-1] if found else Path(on_path) if on_path else None
