"""How long a connection that writes waits for another program that holds the file: only where waiting keeps nobody."""

import sqlite3

from segue.store.engine import connection as connections


def wait_for_nobody(connection: sqlite3.Connection) -> None:
    """From now on, find at once that another program holds the file."""
    connection.execute("PRAGMA busy_timeout = 0")


def begin_patiently(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes; sqlite3.Error if another program holds the file for longer than `BUSY_MS`."""
    connection.execute(f"PRAGMA busy_timeout = {connections.BUSY_MS}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        wait_for_nobody(connection)
