"""Redis as Debian ships it, over its Unix socket; every write is in its log and on disk before the response.

One append is one MULTI … EXEC in one send: RPUSH of the message, HINCRBY and HSET of its session. Redis holds all data
in memory and has no schema, no index and no rows. It marks the lower bound for a server in C.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import Job, converse, run
from tests.bench.peers.sqlite_client import AT
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn
from tests.bench.texts import distribute, texts

START_SECONDS = 20
LINES = 8
"""Lines of a response: OK, three times QUEUED, and the three results with their count."""


class Redis:
    """redis-server with `appendfsync always`."""

    name = "Redis"

    def missing(self) -> str | None:
        return None if shutil.which("redis-server") else "not installed (redis-server)"

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        path = folder / "redis.sock"
        options = {"port": "0", "unixsocket": str(path), "dir": str(folder), "save": "", "appendonly": "yes"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        process = subprocess.Popen(["redis-server", *arguments, "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        try:
            _wait_until_served(path)
            requests = [
                [append(f"session-{client}", text) for text in mine]
                for client, mine in enumerate(distribute(texts(), clients))
            ]

            def turn(length: Length) -> Load:
                return run(
                    Job(str(path), requests, b"\r\n", b"+OK\r\n", lines=LINES, pid=process.pid, **length._asdict())
                )

            yield turn
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def append(session_id: str, text: str) -> bytes:
    """Return the transaction that stores a message and updates its session."""
    message = f'{{"role":"user","created_at":"{AT}","content":"{text}"}}'
    commands = [
        ("MULTI",),
        ("RPUSH", f"messages:{session_id}", message),
        ("HINCRBY", f"session:{session_id}", "message_count", "1"),
        ("HSET", f"session:{session_id}", "updated_at", AT),
        ("EXEC",),
    ]
    return b"".join(_encoded(command) for command in commands)


def _encoded(command: tuple[str, ...]) -> bytes:
    parts = "".join(f"${len(part)}\r\n{part}\r\n" for part in command)
    return f"*{len(command)}\r\n{parts}".encode("ascii")


def _wait_until_served(path: Path) -> None:
    """Wait until the server responds.

    Raises:
        RuntimeError: it does not.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(START_SECONDS)
                connection.connect(str(path))
                if converse(connection, b"PING\r\n", b"\r\n") == b"+PONG\r\n":
                    return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("redis-server does not answer")
