"""cherry2k: `sessions.db` in the platform's data folder; times are texts in UTC, with or without a zone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.foreign_database import Rows, open_copy
from segue.history.reader import Reading, from_iso
from segue.history.records import HistoryMessage, HistorySession


class Cherry2k:
    """The store of cherry2k."""

    name = "cherry2k"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        if platform == "darwin":
            return [home / "Library/Application Support/cherry2k/sessions.db"]
        return [Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "cherry2k/sessions.db"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the database."""
        if root.exists():
            yield root

    def read(self, item: Path) -> Reading:
        """Return every session; equal times are ordered by id."""
        with open_copy(item) as rows:
            sessions = [
                HistorySession(
                    id=row["id"],
                    path=str(item),
                    directory=row["working_dir"],
                    started_at=from_iso(row["created_at"]),
                    messages=list(_messages(rows, row["id"])),
                )
                for row in rows.select("SELECT id, working_dir, created_at FROM sessions ORDER BY created_at, id")
            ]
        return Reading(sessions, Counter())

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return None: cherry2k continues by directory only."""
        return None


def _messages(rows: Rows, session_id: str) -> Iterator[HistoryMessage]:
    sql = """
        SELECT id, role, content, token_count, is_summary, created_at
        FROM messages WHERE session_id = ? ORDER BY id
    """
    for row in rows.select(sql, session_id):
        yield HistoryMessage(
            key=str(row["id"]),
            role=row["role"].lower(),
            text=row["content"],
            at=from_iso(row["created_at"]),
            kind="summary" if row["is_summary"] else None,
            token_count=row["token_count"],
        )
