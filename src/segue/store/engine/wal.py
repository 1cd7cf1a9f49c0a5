"""The write-ahead log (WAL): its settings and its checkpoints.

Plan:

1. The writer uses WAL mode. A COMMIT appends frames to the WAL and syncs it; readers continue meanwhile.
2. After about `CHECKPOINT_FRAMES` pages, `checkpoint_passive` copies the WAL into the database file (checkpoint) on a
   connection of its own. The next COMMIT of the writer thread copies what came meanwhile, so that the WAL can begin
   again.
3. After deletions the daemon runs `checkpoint_truncate`, because the WAL still holds the deleted rows.
4. At exit the store runs `checkpoint_on_close`, so one file without a WAL remains.
"""

import sqlite3
from typing import Literal

Durability = Literal["full", "normal"]

WAL_BYTES = 64 * 1024 * 1024
"""Bytes. SQLite truncates a larger WAL to this after a checkpoint."""

CLOSE_BUSY_MS = 500
"""Milliseconds. How long another program that holds the database delays the exit. Its WAL then stays."""


def enable_wal(connection: sqlite3.Connection, durability: Durability) -> None:
    """Set WAL mode and the durability of each COMMIT."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    connection.execute(f"PRAGMA fullfsync = {'ON' if durability == 'full' else 'OFF'}")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")


def set_checkpoint_frames(connection: sqlite3.Connection, frames: int) -> None:
    """Copy the WAL into the database in each COMMIT after which it has that many frames; 0 never does."""
    connection.execute(f"PRAGMA wal_autocheckpoint = {frames}")


def checkpoint_passive(connection: sqlite3.Connection) -> None:
    """Copy the WAL into the database, on a new connection, while the writer continues."""
    connection.execute("PRAGMA query_only = OFF")
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def checkpoint_truncate(connection: sqlite3.Connection) -> bool:
    """Copy the WAL into the database and empty it; return False if a reader still needs its frames.

    Run it on a new connection. The passive checkpoints come first because writers continue meanwhile. The first copies
    most, the second what was written during it. The last, for which writers wait, has few frames to copy and to sync.
    """
    checkpoint_passive(connection)
    checkpoint_passive(connection)
    return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


def checkpoint_on_close(connection: sqlite3.Connection) -> None:
    """Copy the WAL into the database and empty it, before the writer closes.

    Raises:
        sqlite3.Error: another program holds the database.
    """
    connection.execute(f"PRAGMA busy_timeout = {CLOSE_BUSY_MS}")
    connection.execute("PRAGMA optimize")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
