"""Sessions as entries of the search index: the words of their names and of their newest summaries.

The entry of a session is in `message_words` beside the messages, with a negative rowid. So one merge and one rebuild
serve both. `search_names` holds the text of each entry, because its removal needs that text, and maps the rowid to the
session. `VACUUM` may change the rowids of `sessions`, so they cannot serve.
"""

import json
from collections.abc import Iterable

from segue.store.engine.tx import Tx
from segue.store.search.index_entries import (
    NAME_MARK,
    SUMMARY_MARK,
    add_text,
    as_text,
    name_text,
    remove_text,
)
from segue.store.search.request import Filter
from segue.store.search.text.query_parser import Term, match_all

MARK = "§session"
"""Text: a filter term that every session has."""

LIMIT = 20
"""Sessions: the most that a search returns."""

OF_A_STORE = """
    instr(metadata, '"segue.kind":"store"')
    AND CASE WHEN json_valid(metadata) THEN json_extract(metadata, '$."segue.kind"') IS 'store' ELSE false END
"""
"""SQL: True for the sessions that NOT_OF_A_STORE leaves out. SQLite finds them in the index sessions_of_stores."""

NOT_OF_A_STORE = """
    (metadata = '{}' OR CASE WHEN instr(metadata, '"segue.kind":"store"') AND json_valid(metadata)
         THEN json_extract(metadata, '$."segue.kind"') IS NOT 'store' ELSE true END)
"""
"""SQL: False for a session in which a framework stores its data, by the metadata `{"segue.kind": "store"}`.

The text is searched first, because most sessions do not have it and parsing JSON takes longer.
"""

# Read as bytes, because text that is not UTF-8 must not stop the index.
EACH_TAG = "json_each(CASE WHEN json_valid({0}.tags) THEN {0}.tags ELSE '[]' END)"
"""SQL: the tags of a session in the table of this name; none if another program damaged them."""

_CURRENT = """
    SELECT CAST(name AS BLOB),
           (SELECT CAST(summary AS BLOB) FROM summaries WHERE session_id = sessions.id ORDER BY id DESC LIMIT 1)
    FROM sessions WHERE id = :id
"""
_FIND = f"""
    SELECT s.id FROM message_words AS w
    JOIN search_names AS n ON n.id = -w.rowid
    JOIN sessions AS s ON s.id = n.session_id
    WHERE message_words MATCH :match AND w.rowid < 0
      AND (:session_id IS NULL OR s.id = :session_id)
      AND {NOT_OF_A_STORE}
      AND (:working_dir IS NULL OR s.working_dir = :working_dir)
      AND (:bot_id IS NULL OR s.bot_id = :bot_id)
      AND (:project IS NULL OR s.project = :project)
      AND (:source IS NULL OR coalesce(s.source_tool, '') = :source)
      AND NOT EXISTS (SELECT 1 FROM json_each(:tags) WHERE value NOT IN (SELECT value FROM {EACH_TAG.format("s")}))
      AND (:since IS NULL OR s.last_message_at > :since)
      AND (:until IS NULL OR s.created_at <= :until)
    ORDER BY s.last_message_at DESC, s.activity DESC LIMIT :limit
"""


def refresh(tx: Tx, session_id: str) -> int:
    """Bring the entry of a session up to date; return by how much the number of indexed words grew.

    The entry is removed if the session is deleted or has no text.
    """
    row = tx.run(_CURRENT, id=session_id).fetchone()
    text = _entry_text(*map(as_text, row)) if row else ""
    old = tx.run("SELECT id, text FROM search_names WHERE session_id = :id", id=session_id).fetchone()
    if (old[1] if old else "") == text:
        return 0
    words = 0
    if old:
        words -= remove_text(tx, -old[0], old[1])
        tx.run("DELETE FROM search_names WHERE id = :id", id=old[0])
    if text:
        added = tx.run("INSERT INTO search_names (session_id, text) VALUES (:id, :text)", id=session_id, text=text)
        words += add_text(tx, -(added.lastrowid or 0), text)
    return words


def find(tx: Tx, terms: list[Term], filter: Filter) -> list[str]:
    """Return the ids of the sessions that pass the filter and whose name or summary holds all terms, newest first."""
    match = f"({match_all(terms, NAME_MARK)}) OR ({match_all(terms, SUMMARY_MARK)})"
    rows = tx.run(
        _FIND,
        match=match,
        limit=LIMIT,
        session_id=filter.session_id,
        working_dir=filter.working_dir,
        bot_id=filter.bot_id,
        since=filter.since,
        until=filter.until,
        project=filter.project,
        source=filter.source,
        tags=json.dumps(filter.session_tags),
    )
    return [id for (id,) in rows]


def named_terms(tx: Tx, terms: Iterable[Term]) -> list[Term]:
    """Return the terms that the name of some session holds."""
    any_name = "SELECT 1 FROM message_words WHERE message_words MATCH :match AND rowid < 0 LIMIT 1"
    return [term for term in terms if tx.run(any_name, match=term.match(NAME_MARK)).fetchone() is not None]


def _entry_text(name: str | None, summary: str | None) -> str:
    words = f"{name_text(name)} {name_text(summary, SUMMARY_MARK)}".strip()
    return f"{words} {MARK}" if words else ""
