"""A copy put in the database's place, while no daemon serves it: the replaced one is kept beside it.

The copy is first made part of the database's own directory and looked over there; whoever gave it keeps it as it
was. Then it replaces the database.
"""

import os
import secrets
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from segue.errors import AlreadyRunning, StartError
from segue.files import DIRECTORY_MODE, open_private, prepare_directory
from segue.runtime.lock import release_lock, take_lock
from segue.store.engine.database_file import APPLICATION_ID, MAGIC, check_file
from segue.store.engine.migrate import check_ours, load_migrations
from segue.store.engine.tx import Tx
from segue.store.maintenance import file_swap
from segue.store.maintenance.file_swap import SUBJECT
from segue.store.maintenance.temp_files import RESTORE, sweep
from segue.store.records import retention
from segue.timestamps import wall_ms


class Candidate(NamedTuple):
    """A copy in the database's directory, found sound."""

    path: Path
    sessions: int
    messages: int
    newest: str | None
    """When the last of its sessions was used."""
    expired: int
    """Sessions that the next cleanup will delete."""


@contextmanager
def hold(database: Path, lock: Path) -> Iterator[None]:
    """Keep every segued from serving the database meanwhile; AlreadyRunning if one does, or StartError."""
    _check_database(database)
    prepare_directory(database.parent, "database")
    descriptor = take_lock(lock, str(database))
    try:
        file_swap.undo_unfinished(database)
        yield
    finally:
        release_lock(descriptor)


@contextmanager
def candidate(source: Path, database: Path, retention_ms: int | None, max_sessions: int) -> Iterator[Candidate]:
    """The copy, ready to take the database's place; StartError says why it cannot."""
    _check_source(source, database)
    prepare_directory(database.parent, "database")
    sweep(database.parent, RESTORE)
    folder = database.parent / f"{RESTORE}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        copied = _copy_all(source, folder / database.name)
        yield _look_over(copied, source, retention_ms, max_sessions)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace(database: Path, chosen: Candidate) -> Path | None:
    """Put it in the database's place; where the replaced one is now, if there was one. Under `hold` only.

    StartError if that fails; the database is then as it was, perhaps with its WAL folded in.
    """
    return file_swap.replace(database, chosen.path)


def _check_source(source: Path, database: Path) -> None:
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StartError(SUBJECT, f"{source} is not a file")
        if database.exists() and source.samefile(database):
            raise StartError(SUBJECT, f"{source} is the database itself")
        if not found.st_size:
            raise StartError(SUBJECT, f"{source} is empty")
        with source.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StartError(SUBJECT, f"{source} is not a SQLite database")
    except (OSError, ValueError) as error:
        raise StartError(SUBJECT, f"cannot read {source}: {getattr(error, 'strerror', error)}") from None
    if os.path.lexists(f"{source}-journal"):
        raise StartError(SUBJECT, f"{source}-journal stands beside it: another program did not finish with it")
    _check_idle(source)


def _check_idle(source: Path) -> None:
    """StartError if a daemon serves the file: it changes while it is copied."""
    lock = source.with_name(source.name + ".lock")
    if lock.exists():
        try:
            release_lock(take_lock(lock, str(source)))
        except AlreadyRunning:
            raise StartError(SUBJECT, f"a segued serves {source}; copy it with `segue backup` first") from None


def _check_database(database: Path) -> None:
    """StartError if what is there is somebody else's; one whose first page is lost may well be replaced."""
    if database.is_symlink() or (database.exists() and not database.is_file()):
        raise StartError(SUBJECT, f"{database} is no regular file; name the file itself")
    with suppress(OSError), database.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            check_file(database)


def _copy_all(source: Path, copied: Path) -> Path:
    try:
        copied.parent.mkdir(mode=DIRECTORY_MODE)
        for suffix in ("", "-wal"):
            _copy(Path(f"{source}{suffix}"), Path(f"{copied}{suffix}"), required=not suffix)
    except OSError as error:
        raise StartError(SUBJECT, f"cannot copy {source} to {copied.parent.parent}: {error.strerror}") from None
    return copied


def _copy(source: Path, target: Path, *, required: bool) -> None:
    try:
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        if required:
            raise
        return
    with os.fdopen(reading, "rb") as old:
        descriptor = open_private(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with os.fdopen(descriptor, "wb") as new:
            shutil.copyfileobj(old, new, 1024 * 1024)


def _look_over(copied: Path, source: Path, retention_ms: int | None, max_sessions: int) -> Candidate:
    """What it holds, in one file without a WAL and on the disk; StartError if it is not ours or not sound."""
    try:
        with closing(sqlite3.connect(copied, isolation_level=None)) as connection:
            _check_sound(connection, source)
            connection.execute("PRAGMA journal_mode = DELETE")
            found = _describe(connection, copied, retention_ms, max_sessions)
    except sqlite3.Error as error:
        raise StartError(SUBJECT, f"{source} cannot be used: {error}") from None
    descriptor = os.open(copied, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return found


def _check_sound(connection: sqlite3.Connection, source: Path) -> None:
    known = len(load_migrations())
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StartError(SUBJECT, f"{source} is another program's database")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        raise StartError(SUBJECT, f"{source} was never filled by segue")
    check_ours(connection, known)
    problems = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problems != "ok":
        told = [line for line in problems.splitlines() if not line.startswith("***")]  # which database, in stars
        raise StartError(SUBJECT, f"{source} is damaged: {told[0] if told else problems}")


def _describe(connection: sqlite3.Connection, copied: Path, retention_ms: int | None, max_sessions: int) -> Candidate:
    sessions, messages, newest = connection.execute(
        "SELECT count(*), coalesce(sum(message_count), 0), max(last_message_at) FROM sessions"
    ).fetchone()
    expired = retention.preview(Tx(connection, wall_ms()), retention_ms, max_sessions).sessions_deleted
    return Candidate(copied, sessions, messages, newest, expired)
