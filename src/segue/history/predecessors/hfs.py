"""hfs: `~/.hfs/sessions.db` with integer ids and times in UTC without a zone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.foreign_database import Rows, open_copy
from segue.history.reader import Reading, from_iso
from segue.history.records import HistoryMessage, HistorySession


class Hfs:
    """The store of hfs."""

    name = "hfs"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        return [home / ".hfs/sessions.db"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the database."""
        if root.exists():
            yield root

    def read(self, item: Path) -> Reading:
        """Return every session, empty ones too."""
        with open_copy(item) as rows:
            sessions = [
                HistorySession(
                    id=str(row["id"]),
                    path=str(item),
                    title=row["name"],
                    started_at=from_iso(row["created_at"]),
                    messages=list(_messages(rows, row["id"])),
                )
                for row in rows.select("SELECT id, name, created_at FROM sessions ORDER BY id")
            ]
        return Reading(sessions, Counter())

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return None: hfs has no command that continues a session."""
        return None


def _messages(rows: Rows, session_id: int) -> Iterator[HistoryMessage]:
    sql = "SELECT id, role, content, created_at FROM messages WHERE session_id = ? ORDER BY id"
    for row in rows.select(sql, session_id):
        yield HistoryMessage(
            key=str(row["id"]), role=row["role"].lower(), text=row["content"], at=from_iso(row["created_at"])
        )
