"""Ids of sessions: `YYYY-MM-DD-HHMM-mmm` of their moment, each used once."""

from segue.store.engine.tx import Tx
from segue.timestamps import timestamp


def generate(tx: Tx) -> str:
    """A session id of this moment; if its milliseconds are taken, the next free number after them.

    Taken are the ids of all sessions, deleted ones too. The number grows past 999 rather than be refused.
    """
    at = timestamp(tx.now)
    minute = f"{at[:10]}-{at[11:13]}{at[14:16]}-"
    number = tx.now % 1000
    if _is_taken(tx, f"{minute}{number:03d}"):
        taken = _taken_in(tx, minute)
        while f"{number:03d}" in taken:
            number += 1
    return f"{minute}{number:03d}"


def retire(tx: Tx, session_id: str) -> None:
    """Keep the id of a session that is deleted from being generated again."""
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) VALUES (:id)", id=session_id)


def _is_taken(tx: Tx, id: str) -> bool:
    sql = "SELECT 1 FROM sessions WHERE id = :id UNION ALL SELECT 1 FROM retired_session_ids WHERE id = :id"
    return tx.run(sql, id=id).fetchone() is not None


def _taken_in(tx: Tx, minute: str) -> set[str]:
    # ':' follows '9' in ASCII: from the first id of the minute to past its last.
    rows = tx.run(
        """
        SELECT substr(id, 17) FROM sessions WHERE id >= :minute AND id < :minute || ':'
        UNION ALL
        SELECT substr(id, 17) FROM retired_session_ids WHERE id >= :minute AND id < :minute || ':'
        """,
        minute=minute,
    )
    return {number for (number,) in rows}
