"""Searches: the newest messages that hold all words, the best of them first."""

import sqlite3
from typing import NamedTuple

from segue.results import SearchHit, SearchPage
from segue.store.engine.rows import decode
from segue.store.engine.tx import Tx
from segue.store.search import id_ranges, tokenizer
from segue.store.search import index as indexing
from segue.store.search.id_ranges import Range
from segue.store.search.index import IndexDamaged
from segue.store.search.index_entries import as_text, tag
from segue.store.search.query_parser import Term, expression, parse
from segue.store.search.snippets import Budget, Scorer, snippet

SCORED = 1000
"""The newest matches, of which the best come first: scoring all takes seconds for a common word."""

READ_BYTES = 8 * 1024 * 1024
"""Of messages that are read to be scored, the newest first; what is beyond scores as if it were very long."""

LOOKED_AT_CHARS = 1024 * 1024
"""Characters that the snippets of an answer are looked for in."""

RECENCY = 0.1
"""How much more the newest match scores than the last one that is scored."""

SINGLE_PURGES = 100
"""Above so many deletions under way, matches are counted one by one."""

COLUMNS = ("message_id", "session_id", "session_name", "working_dir", "role", "created_at", "snippet", "score")

_COUNT = "SELECT count(*) FROM message_words WHERE message_words MATCH :match AND rowid >= :first AND rowid <= :last"

_HELD = """
    FROM message_words AS w CROSS JOIN messages AS m ON m.id = w.rowid
    LEFT JOIN purges AS p ON p.session_id = m.session_id
    WHERE message_words MATCH :match AND w.rowid >= :first AND w.rowid <= :last
      AND m.id >= coalesce(p.before_id, 0)
      AND (:since IS NULL OR m.created_at > :since) AND (:until IS NULL OR m.created_at <= :until)
"""
_COUNT_HELD = f"SELECT count(*) {_HELD}"
_NEWEST = f"SELECT m.id {_HELD} ORDER BY w.rowid DESC LIMIT :limit"


class Filter(NamedTuple):
    """Which messages; None where it does not matter. `since` is exclusive, `until` inclusive."""

    session_id: str | None = None
    working_dir: str | None = None
    bot_id: str | None = None
    role: str | None = None
    since: str | None = None
    until: str | None = None

    def tags(self) -> list[str]:
        """The words of the index's second column that stand for the filter."""
        given = (("s", self.session_id), ("d", self.working_dir), ("b", self.bot_id), ("r", self.role))
        return [tag(kind, value) for kind, value in given if value is not None]  # type: ignore[arg-type]


class Match(NamedTuple):
    """A message that is among the best."""

    id: int
    score: float


def search(tx: Tx, query: str, filter: Filter, *, limit: int, offset: int) -> SearchPage:
    """One page of the hits, and how many there are in all; the index must be up to date.

    Of the newest 1000 matches the best come first: by the terms they hold (see Scorer), and a little by how new
    they are. Further offsets give nothing. Raises IndexDamaged if the index cannot be read.
    """
    terms = parse(query)
    if not terms:
        return SearchPage(hits=[], total=0)
    try:
        ranges = id_ranges.ranges(tx, filter.since, filter.until)
        total = sum(_count(tx, terms, filter, range) for range in ranges)
        best = _best(tx, terms, _newest(tx, terms, filter, ranges)) if total else []
    except sqlite3.DatabaseError as error:
        if indexing.is_damage(error):
            raise IndexDamaged("storage: the search index is damaged", reason="corrupt") from error
        raise
    budget = Budget(LOOKED_AT_CHARS)
    return SearchPage(hits=[_hit(tx, terms, match, budget) for match in best[offset : offset + limit]], total=total)


def _count(tx: Tx, terms: list[Term], filter: Filter, range: Range) -> int:
    """The index counts fast but knows no deletions under way: theirs are counted too and subtracted."""
    match = expression(terms, filter.tags())
    purges = tx.run("SELECT session_id, before_id FROM purges LIMIT :limit", limit=SINGLE_PURGES + 1).fetchall()
    if not range.sure or len(purges) > SINGLE_PURGES:
        values = {"first": range.first, "last": range.last, "since": filter.since, "until": filter.until}
        return int(tx.run(_COUNT_HELD, match=match, **values).fetchone()[0])
    count = int(tx.run(_COUNT, match=match, first=range.first, last=range.last).fetchone()[0])
    for session_id, before_id in purges:
        gone = expression(terms, [*filter.tags(), tag("s", session_id)])
        last = min(range.last, before_id - 1)
        count -= int(tx.run(_COUNT, match=gone, first=range.first, last=last).fetchone()[0])
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
    scorer = Scorer(terms)
    left = READ_BYTES
    matches = []
    for index, id in enumerate(newest):
        score = 0.0
        if left > 0:
            content = tx.run("SELECT CAST(content AS BLOB) FROM messages WHERE id = :id", id=id).fetchone()[0]
            left -= len(content)
            score = scorer.score(content.decode(errors="replace"))
        matches.append(Match(id, round(score + RECENCY * (1 - index / SCORED), 4)))
    return sorted(matches, key=lambda match: (-match.score, -match.id))


def _hit(tx: Tx, terms: list[Term], match: Match, budget: Budget) -> SearchHit:
    *values, parts, content = tx.run(
        """
        SELECT m.id, m.session_id, s.name, s.working_dir, m.role, m.created_at,
               CAST(m.parts AS BLOB), CAST(m.content AS BLOB)
        FROM messages AS m LEFT JOIN sessions AS s ON s.id = m.session_id WHERE m.id = :id
        """,
        id=match.id,
    ).fetchone()
    texts = [content.decode(errors="replace"), *tokenizer.strings(as_text(parts))]
    shown = snippet(terms, texts, budget)
    return decode(SearchHit, "message", COLUMNS, (*values, shown, match.score))
