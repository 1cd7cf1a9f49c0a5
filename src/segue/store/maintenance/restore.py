"""Replacement of the database by a backup, while no daemon serves it.

Plan:

1. Copy the backup, with its WAL, into a temporary directory beside the database. The backup itself stays unchanged.
2. Validate the copy: a sound database of segue, whose schema this version supports. Make it one synced file.
3. Under the database's lock, swap the files (see `file_swap`). The replaced database is kept.
"""

import os
import pwd
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from segue.errors import AlreadyRunning, StartError
from segue.files import DIRECTORY_MODE, FILE_MODE, prepare_directory
from segue.runtime.lock import release_lock, take_lock
from segue.runtime.progress import Progress
from segue.store.engine.database_file import APPLICATION_ID, MAGIC, check_file
from segue.store.engine.migrate import check_ours, load_migrations, schema_version
from segue.store.engine.schema import find_differences
from segue.store.engine.tx import Tx
from segue.store.maintenance.file_swap import SUBJECT, recover_interrupted_swap, swap_database_file
from segue.store.maintenance.integrity import find_exhausted_numbers
from segue.store.maintenance.temp_files import RESTORE, remove_stale_temp_files
from segue.store.records import retention
from segue.timestamps import wall_ms

COPY_BYTES = 1024 * 1024
POLL_SECONDS = 0.01

AgePair = tuple[int | None, int | None]
"""Milliseconds: the retentions of own and of imported sessions."""


class Candidate(NamedTuple):
    """A validated copy in the database's directory."""

    path: Path
    sessions: int
    messages: int
    newest: str | None
    """The time of the last message of any session."""
    expired: int
    """The number of sessions that the next cleanup will delete."""


@contextmanager
def exclusive_lock(database: Path, lock: Path) -> Iterator[None]:
    """Hold the database's lock for the length of the context, so that no daemon serves it.

    Raises:
        AlreadyRunning: a daemon serves the database.
        StartError: the path is not a database of segue, or cannot be locked.
    """
    _check_database(database)
    prepare_directory(database.parent, "database")
    descriptor = take_lock(lock, str(database))
    try:
        recover_interrupted_swap(database)
        yield
    finally:
        release_lock(descriptor)


@contextmanager
def restore_candidate(
    source: Path, database: Path, progress: Progress, ages: AgePair, max_sessions: int
) -> Iterator[Candidate]:
    """Copy SOURCE beside the database and validate the copy, which exists for the length of the context.

    Raises:
        StartError: the copy cannot replace the database.
    """
    _check_source(source, database)
    prepare_directory(database.parent, "database")
    remove_stale_temp_files(database.parent, RESTORE)
    directory = database.parent / f"{RESTORE}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        copy = _copy_with_wal(source, directory / database.name, progress)
        progress.begin("checking the copy")
        yield validate_copy(copy, source, ages, max_sessions)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def replace_database(database: Path, candidate: Candidate) -> Path | None:
    """Replace DATABASE by CANDIDATE and return the path of the replaced file, if there was one.

    The caller holds the `exclusive_lock`.

    Raises:
        StartError: the replacement failed. The database is as before, perhaps with its WAL copied into it.
    """
    return swap_database_file(database, candidate.path)


def _check_source(source: Path, database: Path) -> None:
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StartError(SUBJECT, f"{source} is not a file")
        _check_owner(source, "copy it as your own file if you trust it")
        if database.exists() and source.samefile(database):
            raise StartError(SUBJECT, f"{source} is the database itself")
        if not found.st_size:
            raise StartError(SUBJECT, f"{source} is empty")
        with source.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StartError(SUBJECT, f"{source} is not a SQLite database")
    except (OSError, ValueError) as error:
        raise StartError(SUBJECT, f"cannot read {source}: {getattr(error, 'strerror', error)}") from None
    with suppress(FileNotFoundError):  # In a directory such as /tmp, any user can place a file beside the copy.
        _check_owner(Path(f"{source}-wal"), f"copy {source} alone to another directory")
    if os.path.lexists(f"{source}-journal"):
        text = f"{source}-journal exists: a program did not finish its transaction; open {source} with sqlite3 first"
        raise StartError(SUBJECT, text)
    _check_not_served(source)


def _check_owner(path: Path, fix: str) -> None:
    for owner in (path.lstat().st_uid, path.stat().st_uid):  # Of a symbolic link, and of the file that it names.
        if owner != os.geteuid():
            raise StartError(SUBJECT, f"{path} belongs to user {_user_name(owner)}, who may have changed it; {fix}")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _check_not_served(source: Path) -> None:
    """Refuse a database that a daemon serves, because it changes while it is copied."""
    lock = source.with_name(source.name + ".lock")
    if lock.exists():
        try:
            release_lock(take_lock(lock, str(source)))
        except AlreadyRunning:
            raise StartError(SUBJECT, f"a segued serves {source}; copy it with `segue backup` first") from None


def _check_database(database: Path) -> None:
    """Refuse to replace another program's file. A database of segue may have lost its first page."""
    if database.is_symlink() or (database.exists() and not database.is_file()):
        raise StartError(SUBJECT, f"{database} is no regular file; name the file itself")
    with suppress(OSError), database.open("rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            check_file(database)


def _copy_with_wal(source: Path, copy: Path, progress: Progress) -> Path:
    try:
        copy.parent.mkdir(mode=DIRECTORY_MODE)
        progress.begin("copying", source.stat().st_size, "bytes")
        for suffix in ("", "-wal"):
            _copy_file(Path(f"{source}{suffix}"), Path(f"{copy}{suffix}"), progress, required=not suffix)
    except OSError as error:
        raise StartError(SUBJECT, f"cannot copy {source} to {copy.parent.parent}: {error.strerror}") from None
    return copy


def _copy_file(source: Path, target: Path, progress: Progress, *, required: bool) -> None:
    try:
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        if required:
            raise
        return
    with os.fdopen(reading, "rb") as old:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "wb") as new:
            while piece := old.read(COPY_BYTES):
                new.write(piece)
                progress.add(len(piece))


def validate_copy(copy: Path, source: Path, ages: AgePair, max_sessions: int) -> Candidate:
    """Check COPY, make it one synced file without a WAL, and return what it holds. Errors name SOURCE.

    Raises:
        StartError: it is not a sound database of segue.
    """
    try:
        with closing(sqlite3.connect(copy, isolation_level=None, check_same_thread=False)) as connection:
            _check_sound(connection, source)
            connection.execute("PRAGMA journal_mode = DELETE")
            candidate = _describe(connection, copy, ages, max_sessions)
    except sqlite3.Error as error:
        raise StartError(SUBJECT, f"{source} cannot be used: {error}") from None
    descriptor = os.open(copy, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return candidate


def _check_sound(connection: sqlite3.Connection, source: Path) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    migrations = load_migrations()
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StartError(SUBJECT, f"{source} is another program's database")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        raise StartError(SUBJECT, f"{source} was never filled by segue")
    check_ours(connection, len(migrations))
    if differences := find_differences(connection, migrations[: schema_version(connection)]):
        text = f"{source} has a schema that segue did not make: {differences[0]}; restore another backup"
        raise StartError(SUBJECT, text)
    checks = ("PRAGMA integrity_check(1)", "PRAGMA integrity_check('sqlite_schema')")  # See `integrity._check_pages`.
    problems = next((found for sql in checks if (found := _first_value(connection, sql)) != "ok"), "ok")
    if problems != "ok":
        lines = [line for line in problems.splitlines() if not line.startswith("***")]  # The heading has stars.
        raise StartError(SUBJECT, f"{source} is damaged: {lines[0] if lines else problems}")
    if exhausted := find_exhausted_numbers(Tx(connection, wall_ms())):
        raise StartError(SUBJECT, f"{source} cannot be used: {exhausted[0].partition(': ')[2]}")


def _first_value(connection: sqlite3.Connection, sql: str) -> str:
    """Return the first value that a statement gives. Another thread runs it, so that Ctrl-C interrupts it.

    1. The threads share lists and no lock. A lock that Ctrl-C finds half taken would stay taken.
    2. After Ctrl-C, either the thread does not begin the statement, or this thread sees that it began.
    3. An interrupt has no effect before the statement runs, so it is repeated until there is a result.
    """
    began: list[bool] = []
    canceled: list[bool] = []
    results: list[str | Exception] = []

    def run() -> None:
        began.append(True)
        try:
            results.append("" if canceled else str(connection.execute(sql).fetchone()[0]))
        except Exception as error:  # noqa: BLE001 # The other thread raises it.
            results.append(error)

    try:
        Thread(target=run, daemon=True).start()
        while not results:
            time.sleep(POLL_SECONDS)
    except BaseException:
        canceled.append(True)
        while began and not results:
            connection.interrupt()
            time.sleep(POLL_SECONDS)
        raise
    if isinstance(result := results[0], Exception):
        raise result
    return result


def _describe(connection: sqlite3.Connection, copy: Path, ages: AgePair, max_sessions: int) -> Candidate:
    sessions, messages, newest = connection.execute(
        "SELECT count(*), coalesce(sum(message_count), 0), max(last_message_at) FROM sessions"
    ).fetchone()
    expired = retention.preview(Tx(connection, wall_ms()), retention.Ages(*ages), max_sessions).sessions_deleted
    return Candidate(copy, sessions, messages, newest, expired)
