"""synapse: `sessions.db` in the platform's configuration folder; message ids do not sort, so times order them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.reader import from_iso, platform_folder
from segue.history.records import HistoryMessage, HistorySession


class Synapse(DatabaseReader):
    """The store of synapse."""

    name = "synapse"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        return [platform_folder("config", environment, home, platform) / "synapse/sessions.db"]

    def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
        """Yield every session."""
        sql = "SELECT id, name, provider, model, system_prompt, created_at FROM sessions ORDER BY created_at, id"
        for row in rows.select(sql):
            yield HistorySession(
                id=row["id"],
                path=str(item),
                title=row["name"],
                provider=row["provider"],
                model=row["model"],
                system_prompt=row["system_prompt"],
                started_at=from_iso(row["created_at"]),
                messages=list(_messages(rows, row["id"])),
            )


def _messages(rows: Rows, session_id: str) -> Iterator[HistoryMessage]:
    sql = "SELECT id, role, content, timestamp FROM messages WHERE session_id = ? ORDER BY timestamp, rowid"
    for row in rows.select(sql, session_id):
        yield HistoryMessage(
            key=row["id"], role=row["role"].lower(), text=row["content"], at=from_iso(row["timestamp"])
        )
