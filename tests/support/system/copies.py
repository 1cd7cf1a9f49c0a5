"""A copy of the database as its owner finds it: a file of its own, looked at without the daemon."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

from segue.store.engine.database_file import APPLICATION_ID
from segue.store.engine.migrate import load_migrations


def check_copy(path: Path) -> None:
    """Fail unless it is a sound, private database of ours, whole in its one file."""
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
    """The ids of a session's messages in the file."""
    return [id for (id,) in rows(path, "SELECT id FROM messages WHERE session_id = ? ORDER BY id", session)]


def rows(path: Path, sql: str, *values: Any) -> list[Any]:
    """What a statement finds in a file that nobody serves."""
    with closing(sqlite3.connect(path)) as copy:
        return copy.execute(sql, values).fetchall()
