"""A transaction whose frames are in the WAL, but whose commit failed when they should have been made durable.

SQLite takes it for undone and the next commit overwrites the frames. Until then they are whole, and who opens the
database after a crash finds a transaction in them that was answered with an error.
"""

import sqlite3

from segue.errors import StorageError
from segue.store.engine.connection import begin_immediate

_PRIMARY = 0xFF


class CommitOutcomeUnknown(StorageError):
    """Nobody can tell now whether the disk will give back what was told to be undone."""


def may_survive_rollback(fault: Exception) -> bool:
    """Whether the fault can have come after the last frame was written; it was no other's if that write failed."""
    code = getattr(fault, "sqlite_errorcode", None) or 0
    return code & _PRIMARY == sqlite3.SQLITE_IOERR and code not in (
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
    )


def overwrite(connection: sqlite3.Connection) -> CommitOutcomeUnknown | None:
    """Put a commit that changes nothing in the place of one that failed; what to tell if that fails as well."""
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        begin_immediate(connection)
        connection.execute(f"PRAGMA user_version = {version}")  # writes the first page, whatever it says
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        text = "storage: the file cannot be written; whether this is stored is unknown: send it again with a key"
        return CommitOutcomeUnknown(text, reason="io")
    return None
