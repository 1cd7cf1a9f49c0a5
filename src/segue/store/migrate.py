"""From any older schema to this program's: each step is one transaction together with its number."""

import sqlite3
from importlib import resources

from segue.errors import StartError

APPLICATION_ID = 0x53656775
"""'Segu' in the file's header: how we, and file(1), know the file as ours."""


def load_migrations() -> list[str]:
    """The numbered scripts in order; a gap in the numbers is a broken installation."""
    folder = resources.files("segue.store").joinpath("migrations")
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name)
    if [script.name for script in scripts] != [f"{number:04}.sql" for number in range(1, len(scripts) + 1)]:
        raise StartError("migration", f"the scripts in {folder} are not numbered without gaps; install segue again")
    return [script.read_text("utf-8") for script in scripts]


def schema_version(connection: sqlite3.Connection) -> int:
    """How many migrations the file has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: list[str]) -> None:
    """Bring the file up to date, or leave it exactly as it was and raise StartError.

    Refused: what is no database, another program's database, and a file from a newer segue.
    """
    try:
        version = schema_version(connection)
        _check_ours(connection, version)
        if version > len(migrations):
            raise StartError(
                "migration",
                f"the database has schema {version}, this segue knows up to {len(migrations)}; upgrade segue",
            )
        for number, script in enumerate(migrations[version:], version + 1):
            _apply(connection, number, script)
    except sqlite3.Error as error:
        raise StartError(*_explain(error)) from None


def _check_ours(connection: sqlite3.Connection, version: int) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and (tables or version or application):
        raise StartError("database", "the file is another program's database; name a different one")


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


def _explain(error: sqlite3.Error) -> tuple[str, str]:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return "database", "the file is not a SQLite database; move it away or name a different one"
    return "database", f"cannot read the file: {error}"
