"""Another program's SQLite database, read without a lock and without a file beside it."""

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from segue.history.reader import Reading, open_regular
from segue.history.records import HistorySession
from segue.models import MAX_INTEGER

COMPANIONS = ("-wal", "-journal")
"""Files that hold a part of the database; `-shm` is made again from `-wal`."""

MAGIC = b"SQLite format 3\0"

ATTEMPTS = 5
"""Copies to make until none of the files changed during one; each takes a moment in which the program may write."""


class Rows:
    """A private copy of a foreign database, with rows as dictionaries."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection = connection
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
        self.tables = frozenset(str(row["name"]) for row in names)

    def select(self, sql: str, *values: object) -> Iterator[sqlite3.Row]:
        """Yield the rows of a query."""
        yield from self._connection.execute(sql, values)

    def count(self, queries: Iterable[str]) -> int:
        """Return the sum of the results of queries, without those that read a table which the file has not."""
        present = [sql for sql in queries if sql.rpartition(" ")[2] in self.tables]
        if not present:
            raise sqlite3.OperationalError("none of its tables")
        return sum(int(next(self.select(sql))[0]) for sql in present)

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns."""
        return frozenset(row["name"] for row in self.select("SELECT name FROM pragma_table_info(?)", table))


@contextmanager
def open_copy(path: Path) -> Iterator[Rows]:
    """Open a private copy of the database.

    SQLite would create `-shm` beside a WAL database even to read it, and hold up a program that keeps a rollback
    journal. The copy includes the WAL and a journal, so that what is committed is in it and nothing else.

    Raises:
        OSError: the file cannot be copied, or changed during each of five copies.
        ValueError: it is no SQLite database, or damaged.
    """
    _check_magic(path)
    with TemporaryDirectory(prefix="segue-import-") as folder:
        copy = Path(folder) / "copy.db"
        for _ in range(ATTEMPTS):
            before = _state(path)
            _copy(path, copy)
            if _state(path) == before:
                break
        else:
            raise BlockingIOError(f"{path} changed while it was copied; try again later")
        with _open(str(copy)) as rows:
            yield rows


@contextmanager
def open_for_count(path: Path) -> Iterator[Rows]:
    """Open the database for a short query: the file itself while it has no WAL or journal, else a private copy.

    SQLite takes no lock on a file that is opened as immutable, and makes none beside it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no SQLite database, or damaged.
    """
    if any(size for found in _state(path)[1:] if found is not None for size in found[1:2]):
        with open_copy(path) as rows:
            yield rows
    else:
        _check_magic(path)
        with _open(f"{path.absolute().as_uri()}?mode=ro&immutable=1") as rows:
            yield rows


def _check_magic(path: Path) -> None:
    with open_regular(path, MAX_INTEGER) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("not an SQLite database")


@contextmanager
def _open(name: str) -> Iterator[Rows]:
    try:
        with closing(sqlite3.connect(name, uri=True)) as connection:
            yield Rows(connection)
    except sqlite3.OperationalError as error:
        raise ValueError(f"not of a known form ({error}); if its tool is newer than segue, upgrade segue") from error
    except sqlite3.Error as error:
        raise ValueError(f"damaged: {error}") from error


class DatabaseReader(ABC):
    """A reader of a tool that keeps everything in one database."""

    counted: tuple[str, ...] = ("SELECT count(*) FROM sessions",)
    """Queries whose results add up to the number of sessions; one of a table that is missing counts 0."""

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the database."""
        if root.exists():
            yield root

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return every session."""
        skipped: Counter[str] = Counter()
        return Reading(self._sessions_of(item, skipped), skipped)

    def _sessions_of(self, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        with open_copy(item) as rows:
            yield from self.sessions(rows, item, skipped)

    def count(self, item: Path) -> int:
        """Return the number of sessions."""
        with open_for_count(item) as rows:
            return rows.count(self.counted)

    @abstractmethod
    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session; count in `skipped` what is left out."""

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return None: the tool has no command that continues a session."""
        return None


def _state(path: Path) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for suffix in ("", *COMPANIONS):
        try:
            status = Path(f"{path}{suffix}").stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found


def _copy(path: Path, copy: Path) -> None:
    shutil.copyfile(path, copy)
    for suffix in COMPANIONS:
        Path(f"{copy}{suffix}").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
