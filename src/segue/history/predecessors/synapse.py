"""synapse: `sessions.db` in the platform's configuration folder; message ids do not sort, so times order them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.foreign_database import Rows, open_copy
from segue.history.reader import Reading, from_iso
from segue.history.records import HistoryMessage, HistorySession


class Synapse:
    """The store of synapse."""

    name = "synapse"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the database."""
        if platform == "darwin":
            return [home / "Library/Application Support/synapse/sessions.db"]
        return [Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "synapse/sessions.db"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the database."""
        if root.exists():
            yield root

    def read(self, item: Path) -> Reading:
        """Return every session."""
        sql = "SELECT id, name, provider, model, system_prompt, created_at FROM sessions ORDER BY created_at, id"
        with open_copy(item) as rows:
            sessions = [
                HistorySession(
                    id=row["id"],
                    path=str(item),
                    title=row["name"],
                    provider=row["provider"],
                    model=row["model"],
                    system_prompt=row["system_prompt"],
                    started_at=from_iso(row["created_at"]),
                    messages=list(_messages(rows, row["id"])),
                )
                for row in rows.select(sql)
            ]
        return Reading(sessions, Counter())

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return None: synapse has no command that continues a session."""
        return None


def _messages(rows: Rows, session_id: str) -> Iterator[HistoryMessage]:
    sql = "SELECT id, role, content, timestamp FROM messages WHERE session_id = ? ORDER BY timestamp, rowid"
    for row in rows.select(sql, session_id):
        yield HistoryMessage(
            key=row["id"], role=row["role"].lower(), text=row["content"], at=from_iso(row["timestamp"])
        )
