"""Searches: the newest messages that hold all words, the best of them first."""

import json
import logging
import sqlite3
from functools import cache
from typing import NamedTuple

import msgspec

from segue.errors import InvalidParams
from segue.models import Timestamp
from segue.results import SearchHit, SearchPage
from segue.store.engine.tx import Tx
from segue.store.search import id_ranges, index, tokenizer
from segue.store.search.id_ranges import Range
from segue.store.search.index_entries import as_text, tag
from segue.store.search.query_parser import Term, expression, parse
from segue.store.search.snippets import Budget, Scorer, snippet
from segue.store.search.time_limit import TookTooLong, time_limit

__all__ = ["Filter", "TookTooLong", "check_query", "search"]

log = logging.getLogger("segue.search")

MAX_QUERY_CHARS = 256 * 1024
"""Characters: the longest query."""

MAX_QUERY_WORDS = 4096
"""Words of a query. SQLite takes about 35 KiB and 10 µs for each, even for a word that no message holds."""

SCORED = 1000
"""Messages: the newest matches, of which the best come first. Scoring all takes seconds for a common word."""

BATCH = 100
"""Messages read by one statement for scoring."""

READ_BYTES = 8 * 1024 * 1024
"""Bytes: the messages read for scoring, newest first. Those beyond get the lowest score."""

SNIPPET_SEARCH_CHARS = 1024 * 1024
"""Characters: the text that all snippets of one page may search."""

RECENCY = 0.1
"""Score: added to the newest match. The addition falls to 0 at the last message that is scored."""

MAX_PURGES = 100
"""Purges: with more in progress, matches are counted one by one instead of subtracting those of each purge."""

COLUMNS = ("message_id", "session_id", "session_name", "working_dir", "role", "created_at", "snippet", "score")

_COUNT = "SELECT count(*) FROM message_words WHERE message_words MATCH :match AND rowid >= :first AND rowid <= :last"

_PRESENT = """
    FROM message_words AS w CROSS JOIN messages AS m ON m.id = w.rowid
    LEFT JOIN purges AS p ON p.session_id = m.session_id
    WHERE message_words MATCH :match AND w.rowid >= :first AND w.rowid <= :last
      AND m.id >= coalesce(p.before_id, 0)
      AND (:since IS NULL OR m.created_at > :since) AND (:until IS NULL OR m.created_at <= :until)
"""
_COUNT_PRESENT = f"SELECT count(*) {_PRESENT}"
_NEWEST = f"SELECT m.id {_PRESENT} ORDER BY w.rowid DESC LIMIT :limit"
_TEXTS = """
    SELECT id, CAST(created_at AS BLOB), CAST(content AS BLOB) FROM messages
    WHERE id IN (SELECT value FROM json_each(:ids))
"""
# Read as bytes, because one text that is not UTF-8 would fail the whole statement.
_HITS = """
    SELECT m.id, CAST(m.session_id AS BLOB), CAST(s.name AS BLOB), CAST(s.working_dir AS BLOB), CAST(m.role AS BLOB),
           CAST(m.created_at AS BLOB), CAST(m.parts AS BLOB), CAST(m.content AS BLOB)
    FROM messages AS m LEFT JOIN sessions AS s ON s.id = m.session_id
    WHERE m.id IN (SELECT value FROM json_each(:ids))
"""


def check_query(query: str) -> None:
    """Raise InvalidParams if the query is longer than a search can process in time."""
    if len(query) > MAX_QUERY_CHARS:
        raise InvalidParams(f"{len(query)} characters; at most {MAX_QUERY_CHARS} are searched", path="$.query")
    words = sum(len(term.words) for term in parse(query))
    if words > MAX_QUERY_WORDS:
        raise InvalidParams(f"{words} words; at most {MAX_QUERY_WORDS} are searched", path="$.query")


class Filter(NamedTuple):
    """The messages to search; None admits every value. `since` is exclusive, `until` inclusive."""

    session_id: str | None = None
    working_dir: str | None = None
    bot_id: str | None = None
    role: str | None = None
    since: str | None = None
    until: str | None = None

    def tags(self) -> list[str]:
        """Return the filter terms of the index's second column."""
        given = (("s", self.session_id), ("d", self.working_dir), ("b", self.bot_id), ("r", self.role))
        return [tag(kind, value) for kind, value in given if value is not None]  # type: ignore[arg-type]


class Match(NamedTuple):
    """A message that is among the best."""

    id: int
    score: float


def search(tx: Tx, query: str, filter: Filter, *, limit: int, offset: int, seconds: float) -> SearchPage:
    """Return one page of the hits and the number of all hits. The index must be up to date.

    Of the newest 1000 matches the best come first: by the terms that they hold (see Scorer), and a little by how new
    they are. Offsets past those give no hits.

    Raises:
        IndexDamaged: the index cannot be read.
        TookTooLong: the search did not end within `seconds`.
    """
    terms = parse(query)
    if not terms:
        return SearchPage(hits=[], total=0)
    try:
        with time_limit(tx.connection, seconds):
            ranges = id_ranges.ranges(tx, filter.since, filter.until)
            total = sum(_count(tx, terms, filter, range) for range in ranges)
            newest = _newest(tx, terms, filter, ranges) if total else []
            best = _best(tx, terms, newest)
            hits = _hits(tx, terms, best[offset : offset + limit])
    except sqlite3.DatabaseError as error:
        if index.is_damage(error):
            raise index.IndexDamaged("storage: the search index is damaged", reason="corrupt") from error
        raise
    return SearchPage(hits=hits, total=total - (len(newest) - len(best)))


def _count(tx: Tx, terms: list[Term], filter: Filter, range: Range) -> int:
    """Count the matches in the index, and subtract those that a purge in progress deletes."""
    match = expression(terms, filter.tags())
    purges = tx.run("SELECT session_id, before_id FROM purges LIMIT :limit", limit=MAX_PURGES + 1).fetchall()
    if not range.exact or len(purges) > MAX_PURGES:
        values = {"first": range.first, "last": range.last, "since": filter.since, "until": filter.until}
        return int(tx.run(_COUNT_PRESENT, match=match, **values).fetchone()[0])
    count = int(tx.run(_COUNT, match=match, first=range.first, last=range.last).fetchone()[0])
    for session_id, before_id in purges:
        deleted = expression(terms, [*filter.tags(), tag("s", session_id)])
        last = min(range.last, before_id - 1)
        count -= int(tx.run(_COUNT, match=deleted, first=range.first, last=last).fetchone()[0])
    return count


def _newest(tx: Tx, terms: list[Term], filter: Filter, ranges: list[Range]) -> list[int]:
    match = expression(terms, filter.tags())
    found: list[int] = []
    for range in reversed(ranges):
        rows = tx.run(
            _NEWEST,
            match=match,
            first=range.first,
            last=range.last,
            since=filter.since,
            until=filter.until,
            limit=SCORED - len(found),
        )
        found += [id for (id,) in rows]
        if len(found) >= SCORED:
            break
    return found


def _best(tx: Tx, terms: list[Term], newest: list[int]) -> list[Match]:
    """Score the newest matches and return them, the best first. Rows that cannot be decoded are left out."""
    scorer = Scorer(terms)
    left = READ_BYTES
    matches = []
    for start in range(0, len(newest), BATCH):
        rows = tx.run(_TEXTS, ids=json.dumps(newest[start : start + BATCH])).fetchall()
        for number, (id, created_at, content) in enumerate(sorted(rows, reverse=True), start):
            if not _is_timestamp(created_at):
                _report_undecodable(id)
                continue
            score = scorer.score(content.decode(errors="replace")) if left > 0 else 0.0
            left -= len(content)
            matches.append(Match(id, round(score + RECENCY * (1 - number / SCORED), 4)))
    return sorted(matches, key=lambda match: (-match.score, -match.id))


def _hits(tx: Tx, terms: list[Term], matches: list[Match]) -> list[SearchHit]:
    budget = Budget(SNIPPET_SEARCH_CHARS)
    rows = {row[0]: row for row in tx.run(_HITS, ids=json.dumps([match.id for match in matches]))}
    hits = []
    for match in matches:
        id, *texts, parts, content = rows[match.id]
        shown = snippet(terms, [content.decode(errors="replace"), *tokenizer.part_strings(as_text(parts))], budget)
        try:
            values = (id, *map(as_text, texts), shown, match.score)
            hits.append(msgspec.convert(dict(zip(COLUMNS, values, strict=True)), SearchHit))
        except msgspec.ValidationError:
            _report_undecodable(id)
    return hits


def _is_timestamp(column: bytes) -> bool:
    try:
        msgspec.convert(column.decode(errors="replace"), Timestamp)
    except msgspec.ValidationError:
        return False
    return True


@cache
def _report_undecodable(id: int) -> None:
    """Log a damaged row, once per row and daemon."""
    log.warning("search left out a message: cannot decode its row (id %d)", id)
