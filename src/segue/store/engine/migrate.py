"""Schema migrations: each step is one transaction, which also writes its number."""

import sqlite3
from importlib import resources

from segue.errors import StartError
from segue.runtime.progress import Progress
from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.schema import find_differences


def load_migrations() -> list[str]:
    """Return the numbered scripts in order.

    Raises:
        StartError: a number is missing, so the installation is broken.
    """
    folder = resources.files("segue.store").joinpath("migrations")
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name)
    if [script.name for script in scripts] != [f"{number:04}.sql" for number in range(1, len(scripts) + 1)]:
        raise StartError("migration", f"the scripts in {folder} are not numbered without gaps; install segue again")
    return [script.read_text("utf-8") for script in scripts]


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration of the file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_ours(connection: sqlite3.Connection, known: int) -> int:
    """Return the schema version of the file. Call this before anything changes the file.

    Raises:
        StartError: the file is not a database, is another program's, or is newer than KNOWN migrations.
    """
    try:
        version = schema_version(connection)
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    except sqlite3.Error as error:
        raise start_error(error) from None
    if application != APPLICATION_ID and (tables or version or application):
        raise StartError("database", "the file is another program's database; name a different one")
    if version > known:
        text = f"the database has schema {version}, this segue supports up to {known}; upgrade segue"
        raise StartError("migration", text)
    return version


def check_schema(connection: sqlite3.Connection, migrations: list[str]) -> None:
    """Check that the file has exactly the schema of its version, before anything reads or writes its tables.

    Raises:
        StartError: another program added, changed or removed a table, index, trigger or view.
    """
    try:
        differences = find_differences(connection, migrations[: schema_version(connection)])
    except sqlite3.Error as error:
        raise start_error(error) from None
    if differences:
        more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
        text = f"the schema was changed by another program: {differences[0]}{more}; restore a backup or undo the change"
        raise StartError("database", text)


def migrate(connection: sqlite3.Connection, migrations: list[str], progress: Progress | None = None) -> None:
    """Apply the missing migrations.

    Raises:
        StartError: a step failed. The file is as before that step.
    """
    version = check_ours(connection, len(migrations))
    progress = progress or Progress("migration")
    progress.begin("changing the schema", len(migrations) - version, "steps")
    for number, script in enumerate(migrations[version:], version + 1):
        _apply(connection, number, script)
        progress.add()


def _apply(connection: sqlite3.Connection, number: int, script: str) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {number}; COMMIT;"
        )
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise StartError("migration", f"step {number} failed, nothing was changed: {error}") from None


def start_error(error: sqlite3.Error) -> StartError:
    """Return the reason why the file cannot be served, for an error of SQLite during the start."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return StartError("database", "the file is not a SQLite database; move it away or name a different one")
    return StartError("database", f"cannot open the file: {error}")
