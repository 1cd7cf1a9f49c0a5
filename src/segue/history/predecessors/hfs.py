"""hfs: `~/.hfs/sessions.db` with integer ids and times in UTC without a zone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import from_iso
from segue.history.records import HistoryMessage, HistorySession


class Hfs(DatabaseReader):
    """The store of hfs."""

    name = "hfs"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        return [home / ".hfs/sessions.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session, empty ones too."""
        for row in rows.select("SELECT id, name, created_at FROM sessions ORDER BY id"):
            yield HistorySession(
                id=str(row["id"]),
                path=str(item),
                title=row["name"],
                started_at=from_iso(row["created_at"]),
                messages=list(_messages(rows, row["id"])),
            )


def _messages(rows: Rows, session_id: int) -> Iterator[HistoryMessage]:
    sql = "SELECT id, role, content, created_at FROM messages WHERE session_id = ? ORDER BY id"
    for row in rows.select(sql, session_id):
        yield HistoryMessage(
            key=str(row["id"]), role=row["role"].lower(), text=row["content"], at=from_iso(row["created_at"])
        )
