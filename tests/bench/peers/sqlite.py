"""sqlite3 as many tools use it: every client is a process that opens the same file.

The settings are WAL, `synchronous=FULL` and a busy timeout of 60 s; each message is one transaction of two statements.
The connection either stays open, or is opened again for each message, as by a command-line tool that runs once per
message. The start of its process is not counted.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.peers.sqlite_client import connect
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn
from tests.bench.texts import distribute, texts

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL, message_count INTEGER NOT NULL, updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_session ON messages (session_id);
"""


class Sqlite:
    """Processes that share one file; with `reopen`, each opens it again for every message."""

    def __init__(self, *, reopen: bool) -> None:
        self.name = "sqlite3, opened per message" if reopen else "sqlite3, a process each"
        self._reopen = reopen

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        path = folder / "sessions.db"
        connection = connect(str(path))
        connection.executescript(SCHEMA)
        for client in range(clients):
            connection.execute("INSERT INTO sessions VALUES (:id, 0, '')", {"id": f"session-{client}"})
        connection.close()

        def turn(length: Length) -> Load:
            return self._run(path, clients, length)

        yield turn

    def _run(self, path: Path, clients: int, length: Length) -> Load:
        """Start all processes, release them when all are ready, and join their measurements."""
        with ExitStack() as ending:
            processes = [ending.enter_context(_launch()) for _ in range(clients)]
            for process in processes:
                ending.callback(process.kill)
            for client, (process, mine) in enumerate(zip(processes, distribute(texts(), clients), strict=True)):
                job = {"path": str(path), "reopen": self._reopen, "session": f"session-{client}", "texts": mine}
                _tell(process, {**job, **length._asdict()})
            for process in processes:
                _hear(process)
            for process in processes:
                _tell(process, "go")
            found = [_hear(process) for process in processes]
        times, answered, cpu = zip(*found, strict=True)
        return Load(list(times), sum(answered), length.seconds, client_cpu=sum(cpu))


def _launch() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.peers.sqlite_client"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _tell(process: subprocess.Popen[str], what: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> tuple[list[float], int, float]:
    """Return the next line of the process, decoded.

    Raises:
        RuntimeError: the process ended.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process with sqlite3 {sqlite3.sqlite_version} ended, see above")
    milliseconds, answered, cpu = json.loads(line)
    return milliseconds, answered, cpu
