"""What identifies a session: generated ids and automatic names."""

import re

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


NAME_CHARS = 30
"""Code points of the message that the name keeps."""

_WORD = re.compile(r"\S+")
_MOMENT = re.compile(r" - [0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def name_from(content: str, now: int) -> str | None:
    """`first thirty characters - YYYY-MM-DD_HH-MM`; None for a message with nothing to see.

    Words are read only until there are enough of them: a message may be megabytes.
    """
    text = ""
    for word in _WORD.finditer(content):
        shown = _CONTROL.sub("", word[0])
        if shown:
            text = f"{text} {shown}" if text else shown
        if len(text) >= NAME_CHARS:
            break
    if not text:
        return None
    at = timestamp(now)
    return f"{text[:NAME_CHARS].strip()} - {at[:10]}_{at[11:13]}-{at[14:16]}"


def automatic_base(name: str) -> str:
    """What a name of that form keeps of its message; nothing of any other name."""
    base, moment = name[:-19], name[-19:]
    return base if _MOMENT.fullmatch(moment) else ""
