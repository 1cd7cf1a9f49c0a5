"""Generated session ids, and names taken from the first user message."""

import re

from segue.store.engine.tx import Tx
from segue.timestamps import timestamp


def generate(tx: Tx) -> str:
    """Return an unused session id for the current time, of the form `YYYY-MM-DD-HHMM-mmm`.

    If the milliseconds are taken, the next free number follows, past 999 if necessary. Ids of deleted sessions
    stay taken.
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
    """Record the id of a deleted session, so that it is never generated again."""
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) VALUES (:id)", id=session_id)


def _is_taken(tx: Tx, id: str) -> bool:
    sql = "SELECT 1 FROM sessions WHERE id = :id UNION ALL SELECT 1 FROM retired_session_ids WHERE id = :id"
    return tx.run(sql, id=id).fetchone() is not None


def _taken_in(tx: Tx, minute: str) -> set[str]:
    # The range ends at ':', which follows '9' in ASCII.
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
"""Code points: the length of the message text in a generated name."""

_WORD = re.compile(r"\S+")
_DATE_SUFFIX = re.compile(r" - [0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def name_from(content: str, now: int) -> str | None:
    """Return `first 30 characters - YYYY-MM-DD_HH-MM`, or None if the message has no visible text.

    Only as many words are read as the name needs, because a message may have megabytes.
    """
    text = ""
    for word in _WORD.finditer(content):
        visible = _CONTROL.sub("", word[0])
        if visible:
            text = f"{text} {visible}" if text else visible
        if len(text) >= NAME_CHARS:
            break
    if not text:
        return None
    at = timestamp(now)
    return f"{text[:NAME_CHARS].strip()} - {at[:10]}_{at[11:13]}-{at[14:16]}"


def automatic_base(name: str) -> str:
    """Return the message text of a generated name, or an empty string for any other name."""
    base, date_suffix = name[:-19], name[-19:]
    return base if _DATE_SUFFIX.fullmatch(date_suffix) else ""
