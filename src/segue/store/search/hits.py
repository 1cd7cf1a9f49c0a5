"""The rows of the messages that were found, as hits with snippets."""

import json
from collections.abc import Callable, Sequence

import msgspec

from segue.errors import InvalidData
from segue.models import Timestamp
from segue.results import SearchHit
from segue.store.engine.rows import report_damaged
from segue.store.engine.tx import Tx
from segue.store.search.index_entries import as_text, own_texts
from segue.store.search.request import Match
from segue.store.search.text.snippets import Budget, Finder, Marks, snippet
from segue.store.search.text.tokenizer import fold

SNIPPET_SEARCH_CHARS = 1024 * 1024
"""Characters: the text that all snippets of one page may search."""

MATCHED_CHARS = 64 * 1024
"""Characters of a message that are searched for the words found in it."""

COLUMNS = (
    "message_id", "session_id", "session_name", "working_dir", "role", "created_at", "source", "snippet", "score",
    "matched",
)  # fmt: skip

# Read as bytes, because one text that is not UTF-8 would fail the whole statement.
_HITS = """
    SELECT m.id, CAST(m.session_id AS BLOB), CAST(s.name AS BLOB), CAST(s.working_dir AS BLOB), CAST(m.role AS BLOB),
           CAST(m.created_at AS BLOB), CAST(s.source_tool AS BLOB), CAST(m.parts AS BLOB), CAST(m.content AS BLOB)
    FROM messages AS m LEFT JOIN sessions AS s ON s.id = m.session_id
    WHERE m.id IN (SELECT value FROM json_each(:ids))
"""

Shorten = Callable[[list[str], Match], str]
"""Returns the snippet of a message's texts."""


def read_hits(tx: Tx, matches: list[Match], shorten: Shorten, finders: Sequence[Finder] = ()) -> list[SearchHit]:
    """Return the messages as hits. Rows that cannot be decoded are left out and logged."""

    def words_in(own: list[str]) -> list[str]:
        folded = fold("\n".join(own)[:MATCHED_CHARS])
        return [finder.text for finder in finders if finder.is_in(folded)]

    rows = {row[0]: row for row in tx.run(_HITS, ids=json.dumps([match.id for match in matches]))}
    hits = []
    for match in matches:
        if match.id not in rows:  # Another program deleted it.
            continue
        id, *texts, parts, content = rows[match.id]
        own = own_texts(content.decode(errors="replace"), as_text(parts))
        values = (id, *map(as_text, texts), shorten(own, match), match.score, match.matched or words_in(own))
        hit = dict(zip(COLUMNS, values, strict=True))
        if hit["source"] is None:
            del hit["source"]
        try:
            hits.append(msgspec.convert(hit, SearchHit))
        except msgspec.ValidationError:
            report_damaged(InvalidData("message", id))
    return hits


def snippets_of(found_by: list[Finder], marks: Marks) -> Shorten:
    """Return a function for snippets of one page, which share a budget."""
    budget = Budget(SNIPPET_SEARCH_CHARS)
    return lambda texts, _match: snippet(found_by, texts, budget, marks)


def is_timestamp(column: bytes) -> bool:
    """Return True if a row's time can be decoded."""
    try:
        msgspec.convert(column.decode(errors="replace"), Timestamp)
    except msgspec.ValidationError:
        return False
    return True
