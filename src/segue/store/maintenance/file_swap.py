"""One file put in the place of the database, so that a kill at any moment leaves either of the two, and whole.

It is one rename. No WAL may stand beside the database at that moment, or SQLite would play it into the new one: so it
is folded in before, under a lock that keeps other programs out. Only a WAL that cannot be folded, of a damaged
database, is moved away just before; until the rename the database has two names then, by which `undo_unfinished`,
before anybody opens it again, knows that the WAL belongs to it.
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
"""What SQLite would play into a database of that name."""

FOLD_SECONDS = 0.5
"""How long another program that reads the database is waited for."""

_PRIMARY = 0xFF
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR)
"""The last is said of a version of the file format that there is not."""


def replace(database: Path, new: Path) -> Path | None:
    """Put `new`, a file without journals, in the database's place; returns where the old one is, if there was one.

    Under the database's lock only. StartError if that fails; it is then as it was, perhaps with its WAL folded in.
    """
    try:
        with _folded(database):
            try:
                kept = _keep(database)
                new.rename(database)
                sync_directory(database.parent)
            except BaseException:
                undo_unfinished(database)
                raise
    except OSError as error:
        raise StartError(SUBJECT, f"cannot replace {database}: {error.strerror}") from None
    return kept


def undo_unfinished(database: Path) -> None:
    """Give the database back what one that was killed before its rename took away, and leave it a single name.

    Under the database's lock, before it is opened. StartError if that cannot be done.
    """
    try:
        if not database.exists():
            return
        beside = database.parent.glob(f"{escape(database.name)}{REPLACED}*")
        for kept in [path for path in beside if os.path.samestat(path.lstat(), database.stat())]:
            for suffix in JOURNALS:
                _move(f"{kept}{suffix}", f"{database}{suffix}")
            kept.unlink()
            sync_directory(database.parent)
    except OSError as error:
        raise StartError(SUBJECT, f"one of {database} was broken off and cannot be undone: {error.strerror}") from None


@contextmanager
def _folded(database: Path) -> Iterator[None]:
    """The database in one file, and every other program kept out; one too damaged for that is left as it is.

    StartError if another program has it open.
    """
    if not database.exists():
        yield
        return
    try:
        connection = sqlite3.connect(database, FOLD_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        raise StartError(SUBJECT, f"cannot replace {database}: {error}") from None
    try:
        if not _fold(connection, database):
            connection.close()  # it would remove what is now the new one's WAL by its name
        yield
    finally:
        connection.close()


def _fold(connection: sqlite3.Connection, database: Path) -> bool:
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
        return False  # that it is damaged is often why another takes its place
    return True


def _keep(database: Path) -> Path | None:
    """Give the database a second name, if it is there, and move away what would be played into its successor."""
    kept = _free_name(database)
    there = database.exists()
    if there:
        os.link(database, kept)
        kept.chmod(FILE_MODE)
        sync_directory(database.parent)
    for suffix in JOURNALS:
        if there:
            _move(f"{database}{suffix}", f"{kept}{suffix}")
        else:
            Path(f"{database}{suffix}").unlink(missing_ok=True)
    Path(f"{database}-shm").unlink(missing_ok=True)
    sync_directory(database.parent)
    return kept if there else None


def _move(old: str, new: str) -> None:
    """Rename it, private, if it is there and nothing is in its way."""
    if os.path.lexists(old) and not os.path.lexists(new):
        Path(old).chmod(FILE_MODE)
        Path(old).rename(new)


def _free_name(database: Path) -> Path:
    """`sessions.db.replaced-2026-11-21-074351-123`: the moment, so that names sort by age."""
    digits = timestamp(wall_ms()).translate(str.maketrans("T.", "--", ":Z"))
    name, number = f"{database.name}{REPLACED}{digits}", 1
    while any(os.path.lexists(database.with_name(name + suffix)) for suffix in ("", *JOURNALS)):
        number += 1
        name = f"{database.name}{REPLACED}{digits}-{number}"
    return database.with_name(name)
