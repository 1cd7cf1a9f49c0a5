"""Replacement of the database by another file, safe against a kill at any moment.

Plan:

1. Copy the WAL into the database and lock it exclusively, so that no other program has it open. A WAL beside the new
   file would be replayed into it.
2. Give the database a second name (hard link), under which it is kept.
3. If the WAL of a damaged database cannot be copied, move it to that second name.
4. Rename the new file over the database, and sync the directory.

A kill before step 4 leaves a database with two names. `recover_interrupted_swap` then moves the WAL back and removes
the second name. It runs before the database is opened again.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from segue.errors import StartError
from segue.files import FILE_MODE, sync_directory
from segue.timestamps import timestamp, wall_ms

SUBJECT = "restore"
REPLACED = ".replaced-"

JOURNALS = ("-wal", "-journal")
"""The suffixes of files that SQLite replays into a database of that name."""

BUSY_SECONDS = 0.5
"""Seconds. How long to wait for another program that reads the database."""

_PRIMARY = 0xFF
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR)
"""The codes of a damaged database. SQLite reports an unknown file format version as SQLITE_ERROR."""


def swap_database_file(database: Path, new: Path) -> Path | None:
    """Replace DATABASE by NEW, a file without journals, and return the path of the replaced one, if there was one.

    The caller holds the database's lock.

    Raises:
        StartError: the swap failed. The database is as before, perhaps with its WAL copied into it.
    """
    try:
        with _closed_to_others(database):
            try:
                kept = _keep(database)
                new.rename(database)
                sync_directory(database.parent)
            except BaseException:
                recover_interrupted_swap(database)
                raise
    except OSError as error:
        raise StartError(SUBJECT, f"cannot replace {database}: {error.strerror}") from None
    return kept


def recover_interrupted_swap(database: Path) -> None:
    """Undo a swap that was killed before its rename. Without one, do nothing.

    The caller holds the database's lock, and the database is not open.

    Raises:
        StartError: the swap cannot be undone.
    """
    try:
        if not database.exists():
            return
        second_names = database.parent.glob(f"{escape(database.name)}{REPLACED}*")
        for kept in [path for path in second_names if os.path.samestat(path.lstat(), database.stat())]:
            for suffix in JOURNALS:
                _move(f"{kept}{suffix}", f"{database}{suffix}")
            kept.unlink()
            sync_directory(database.parent)
    except OSError as error:
        text = f"an interrupted restore of {database} cannot be undone: {error.strerror}"
        raise StartError(SUBJECT, text) from None


@contextmanager
def _closed_to_others(database: Path) -> Iterator[None]:
    """Copy the WAL into DATABASE and lock it against other programs; leave a damaged one as it is.

    Raises:
        StartError: another program has it open.
    """
    if not database.exists():
        yield
        return
    try:
        connection = sqlite3.connect(database, BUSY_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise StartError(SUBJECT, f"cannot replace {database}: {error}") from None
    try:
        if not _lock(connection, database):
            connection.close()  # A later close would remove the WAL that then belongs to the new file.
        yield
    finally:
        connection.close()


def _lock(connection: sqlite3.Connection, database: Path) -> bool:
    """Return False if the database is damaged, which is often the reason for the swap."""
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_BUSY:
            text = f"another program has {database} open; close it and try again"
            raise StartError(SUBJECT, text) from None
        if code not in _DAMAGE:
            raise StartError(SUBJECT, f"cannot replace {database}: {error}") from None
        return False
    return True


def _keep(database: Path) -> Path | None:
    """Give DATABASE a second name, if it exists, and move its journals to that name."""
    kept = _free_name(database)
    exists = database.exists()
    if exists:
        os.link(database, kept)
        kept.chmod(FILE_MODE)
        sync_directory(database.parent)
    for suffix in JOURNALS:
        if exists:
            _move(f"{database}{suffix}", f"{kept}{suffix}")
        else:
            Path(f"{database}{suffix}").unlink(missing_ok=True)
    Path(f"{database}-shm").unlink(missing_ok=True)
    sync_directory(database.parent)
    return kept if exists else None


def _move(old: str, new: str) -> None:
    """Rename OLD with mode 0600, if it exists and NEW does not."""
    if os.path.lexists(old) and not os.path.lexists(new):
        Path(old).chmod(FILE_MODE)
        Path(old).rename(new)


def _free_name(database: Path) -> Path:
    """Return a free name such as `sessions.db.replaced-2026-11-21-074351-123`, so that names sort by age."""
    digits = timestamp(wall_ms()).translate(str.maketrans("T.", "--", ":Z"))
    name, number = f"{database.name}{REPLACED}{digits}", 1
    while any(os.path.lexists(database.with_name(name + suffix)) for suffix in ("", *JOURNALS)):
        number += 1
        name = f"{database.name}{REPLACED}{digits}-{number}"
    return database.with_name(name)
