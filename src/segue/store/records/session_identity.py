"""Generated session ids, and names taken from the first user message."""

import re
from hashlib import sha256

from segue.store.engine.tx import Tx
from segue.timestamps import timestamp

IMPORTED_NAME = "imported_name"
"""The member of the metadata that holds the last imported name, once a person gave another one."""


def generate(tx: Tx, moment: int | None = None) -> str:
    """Return an unused session id for a time (default: now), of the form `YYYY-MM-DD-HHMM-mmm`.

    If the milliseconds are taken, the next free number follows, past 999 if necessary. Ids of deleted sessions
    stay taken.
    """
    moment = tx.now if moment is None else moment
    at = timestamp(moment)
    minute = f"{at[:10]}-{at[11:13]}{at[14:16]}-"
    number = moment % 1000
    if is_taken(tx, f"{minute}{number:03d}"):
        taken = _taken_in(tx, minute)
        while f"{number:03d}" in taken:
            number += 1
    return f"{minute}{number:03d}"


def retire(tx: Tx, session_id: str) -> None:
    """Record the id of a deleted session, so that it is never generated again."""
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) VALUES (:id)", id=session_id)


def retire_source(tx: Tx, tool: str, source_id: str) -> None:
    """Record that a person deleted the imported session, so that its next change does not bring it back."""
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) VALUES (:id)", id=mark_of_source(tool, source_id))


def reinstate_source(tx: Tx, tool: str, source_id: str) -> None:
    """Forget that the imported session was deleted."""
    tx.run("DELETE FROM retired_session_ids WHERE id = :id", id=mark_of_source(tool, source_id))


def is_source_retired(tx: Tx, tool: str, source_id: str) -> bool:
    """Return True if a person deleted the session that was imported from there."""
    sql = "SELECT 1 FROM retired_session_ids WHERE id = :id"
    return tx.run(sql, id=mark_of_source(tool, source_id)).fetchone() is not None


def mark_of_source(tool: str, source_id: str) -> str:
    """Return what stands for a source among the retired ids and the wanted parents.

    No session id has a space. The hash keeps the source's id, which may have a path in it, out of the file.
    """
    return f"{tool} {sha256(source_id.encode()).hexdigest()[:32]}"


def is_taken(tx: Tx, id: str) -> bool:
    """Return True if a session has the id, or had it."""
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

MAX_NAME_CHARS = 255
"""Characters: the longest name, by the wire contract."""

_WORD = re.compile(r"\S+")
_DATE_SUFFIX = re.compile(r" - [0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


_TAG = re.compile(r"\s*<([A-Za-z][\w.:-]*)(?:\s[^<>]*)?>")
_PREAMBLE = re.compile(r"\s*# AGENTS\.md\b[^\n]*")
_SLASH_COMMAND = re.compile(r"\s*/[A-Za-z][\w:.-]*(?!\S)")
_FORK = re.compile(r" \(fork(?: ([0-9]+))?\)")


def name_from(content: str, now: int) -> str | None:
    """Return `first 30 characters - YYYY-MM-DD_HH-MM`, or None if the message has no text of a person.

    Only as many words are read as the name needs, because a message may have megabytes.
    """
    text = ""
    for word in _WORD.finditer(content, _start_of_text(content)):
        visible = _CONTROL.sub("", word[0])
        if visible:
            text = f"{text} {visible}" if text else visible
        if len(text) >= NAME_CHARS:
            break
    if not text:
        return None
    at = timestamp(now)
    return f"{text[:NAME_CHARS].strip()} - {at[:10]}_{at[11:13]}-{at[14:16]}"


def _start_of_text(content: str) -> int:
    """Return the position after the context that a tool injects, or the end if the message has no other text.

    Injected are leading `<tag>…</tag>` blocks and a `# AGENTS.md …` preamble. A preamble without such a block has no
    visible end, so it takes the whole message. A slash command is not text either.
    """
    start = 0
    preamble = _PREAMBLE.match(content)
    if preamble:
        start = preamble.end()
    blocks = 0
    while tag := _TAG.match(content, start):
        end = _end_of_block(content, tag[1], tag.end())
        if end is None:
            break
        start = end
        blocks += 1
    if (preamble and not blocks) or _SLASH_COMMAND.match(content, start):
        return len(content)
    return start


def _end_of_block(content: str, name: str, start: int) -> int | None:
    """Return the position after the closing tag of a block, past blocks of the same name in it, or None."""
    depth, end = 1, None
    for tag in re.finditer(rf"<(/?){re.escape(name)}(?:\s[^<>]*)?>", content[start:]):
        depth += -1 if tag[1] else 1
        if tag[1]:
            end = start + tag.end()
        if not depth:
            break
    return end


def fork_name(tx: Tx, name: str) -> str:
    """Return the first unused name of `NAME (fork)`, `NAME (fork 2)` …, within 255 characters."""
    found = _FORK.search(name)
    base = name[: found.start()] if found and found.end() == len(name) else name
    number = 1
    while True:
        suffix = " (fork)" if number == 1 else f" (fork {number})"
        candidate = f"{base[: MAX_NAME_CHARS - len(suffix)]}{suffix}"
        if tx.run("SELECT 1 FROM sessions WHERE name = :name", name=candidate).fetchone() is None:
            return candidate
        number += 1


def automatic_base(name: str) -> str:
    """Return the message text of a generated name, also of a fork's, or an empty string for any other name."""
    found = _FORK.search(name)
    if found and found.end() == len(name):
        name = name[: found.start()]
    base, date_suffix = name[:-19], name[-19:]
    return base if _DATE_SUFFIX.fullmatch(date_suffix) else ""
