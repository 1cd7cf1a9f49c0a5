"""A process that appends with sqlite3: a job in, `ready` out, a line to start, durations out. Standard library only."""

import json
import sqlite3
import sys
import time
from itertools import cycle
from typing import Any

BUSY_SECONDS = 60
AT = "2026-11-21T14:23:05.123Z"


def connect(path: str) -> sqlite3.Connection:
    """Open a connection that waits for the lock and whose commits reach the disk."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def append(connection: sqlite3.Connection, session_id: str, text: str) -> None:
    """Store a message and update its session in one durable transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO messages (session_id, role, content, created_at) VALUES (:session_id, 'user', :text, :at)",
        {"session_id": session_id, "text": text, "at": AT},
    )
    connection.execute(
        "UPDATE sessions SET message_count = message_count + 1, updated_at = :at WHERE id = :id",
        {"id": session_id, "at": AT},
    )
    connection.execute("COMMIT")


def work(job: dict[str, Any]) -> tuple[list[float], int, float]:
    """Return the milliseconds of each append after the warm-up, their number within the time, and CPU seconds."""
    shared = None if job["reopen"] else connect(job["path"])
    counts_from = time.perf_counter() + job["warm_up"]
    end = counts_from + job["seconds"]
    times: list[float] = []
    answered = 0
    cpu = time.process_time()
    for text in cycle(job["texts"]):
        begun = time.perf_counter()
        if not times:
            cpu = time.process_time()
        connection = shared or connect(job["path"])
        append(connection, job["session"], text)
        if shared is None:
            connection.close()
        if (ended := time.perf_counter()) >= counts_from:
            times.append((ended - begun) * 1000)
            answered += ended < end
        if ended >= end:
            break
    return times, answered, time.process_time() - cpu


def main() -> None:
    """Run the job on standard input."""
    job = json.loads(sys.stdin.readline())
    print("[[], 0, 0]", flush=True)
    sys.stdin.readline()
    print(json.dumps(work(job)), flush=True)


if __name__ == "__main__":
    main()
