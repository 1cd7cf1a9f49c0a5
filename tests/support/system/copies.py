"""Checks of database files that no daemon serves, such as backups."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.migrate import load_migrations


def check_copy(path: Path) -> None:
    """Fail unless it is one sound, private file with a database of segue."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as copy:
        header = [copy.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        assert header == [APPLICATION_ID, len(load_migrations())]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
        counted = "SELECT session_id, count(*) FROM messages GROUP BY session_id ORDER BY session_id"
        kept = "SELECT id, message_count FROM sessions WHERE message_count > 0 ORDER BY id"
        assert copy.execute(counted).fetchall() == copy.execute(kept).fetchall()


def ids_in(path: Path, session: str) -> list[int]:
    """Return the IDs of a session's messages in the file."""
    return [id for (id,) in rows(path, "SELECT id FROM messages WHERE session_id = ? ORDER BY id", session)]


def rows(path: Path, sql: str, *values: Any) -> list[Any]:
    """Return the rows of a statement."""
    with closing(sqlite3.connect(path)) as copy:
        return copy.execute(sql, values).fetchall()


def session_ids(path: Path) -> list[str]:
    """Return the IDs of all sessions in the file."""
    return [id for (id,) in rows(path, "SELECT id FROM sessions ORDER BY id")]


def replaced_databases(database: Path) -> list[Path]:
    """Return the files that restores have replaced, oldest first."""
    return sorted(path for path in database.parent.glob("*.replaced-*") if not path.name.endswith("-wal"))
