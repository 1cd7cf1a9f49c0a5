"""cherry2k: `sessions.db` in the platform's data folder; times are texts in UTC, with or without a zone."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import from_iso, platform_folder
from segue.history.records import HistoryMessage, HistorySession


class Cherry2k(DatabaseReader):
    """The store of cherry2k."""

    name = "cherry2k"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        return [platform_folder("data", environment, home, platform) / "cherry2k/sessions.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session; equal times are ordered by id."""
        for row in rows.select("SELECT id, working_dir, created_at FROM sessions ORDER BY created_at, id"):
            yield HistorySession(
                id=row["id"],
                path=str(item),
                directory=row["working_dir"],
                started_at=from_iso(row["created_at"]),
                messages=list(_messages(rows, row["id"])),
            )


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
