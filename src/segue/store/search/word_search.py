"""Searches for messages that hold all words.

With order "best", the newest 1000 matches are scored and the best come first. The cursor continues with the same
matches, then with the next 1000. The other orders read the index from one end.

FTS5 counts by reading the whole list of a word: 30 ms if a million messages hold it. Therefore counts are remembered:

1. A count is remembered with `upto` and `changes` of `search_progress` in its transaction.
2. While `changes` is the same, messages were only added, all after that `upto`. Only these are counted.
3. All readers share the memory, and a transaction may be older than the one that remembered a count. It then counts by
   itself, and leaves what is remembered.
"""

import json
from typing import NamedTuple

from segue.errors import InvalidData
from segue.results import SearchHit
from segue.store.engine.connection import Reader
from segue.store.engine.rows import report_damaged
from segue.store.engine.tx import Tx
from segue.store.search import id_ranges
from segue.store.search.hits import is_timestamp, read_hits, snippets_of
from segue.store.search.id_ranges import PAST_ALL_IDS, Range
from segue.store.search.index_entries import NAME_MARK, tag
from segue.store.search.request import Cursor, Filter, Found, Match, Request
from segue.store.search.session_entries import named_terms
from segue.store.search.text.query_parser import Term, expression, filtered
from segue.store.search.text.snippets import Scorer, finders

SCORED = 1000
"""Messages: the newest matches, of which the best come first. Scoring all takes seconds for a common word."""

LITERAL_CANDIDATES = 10_000
"""Messages: the newest matches that are read for a term typed with symbols, because the index holds no symbols."""

BATCH = 100
"""Messages read by one statement for scoring."""

READ_BYTES = 8 * 1024 * 1024
"""Bytes: the messages read for scoring, newest first. Those beyond get the lowest score."""

RECENCY = 0.1
"""Score: added to the newest match. The addition falls to 0 at the last message that is scored."""

MAX_PURGES = 100
"""Purges: with more in progress, matches are counted one by one instead of subtracting those of each purge."""

REMEMBERED = 1000
"""Matches: fewer are counted quickly, and not remembered."""

MAX_COUNTS = 1000
MAX_MATCH_CHARS = 1000
"""The bounds of the memory, about a megabyte. The count that was remembered first is forgotten first."""

_COUNT_ALL = "SELECT count(*) FROM message_words WHERE message_words MATCH :match"
_COUNT = f"{_COUNT_ALL} AND rowid >= :first AND rowid <= :last"

_PRESENT = """
    FROM message_words AS w CROSS JOIN messages AS m ON m.id = w.rowid
    LEFT JOIN purges AS p ON p.session_id = m.session_id
    WHERE message_words MATCH :match AND w.rowid >= :first AND w.rowid <= :last
      AND m.id >= coalesce(p.before_id, 0)
      AND (:since IS NULL OR m.created_at > :since) AND (:until IS NULL OR m.created_at <= :until)
"""
_COUNT_PRESENT = f"SELECT count(*) {_PRESENT}"
_DESCENDING = f"SELECT m.id {_PRESENT} ORDER BY w.rowid DESC LIMIT :limit"
_ASCENDING = f"SELECT m.id {_PRESENT} ORDER BY w.rowid LIMIT :limit"
_TEXTS = """
    SELECT id, CAST(created_at AS BLOB), CAST(content AS BLOB) FROM messages
    WHERE id IN (SELECT value FROM json_each(:ids))
"""


class WordSearch:
    """A search for messages that hold all terms."""

    def __init__(self, tx: Tx, terms: list[Term], request: Request) -> None:
        self._tx = tx
        self._terms = terms
        self._request = request
        named = named_terms(tx, terms) if len(terms) > 1 else []
        matching = expression(terms, named, NAME_MARK)
        self._match = filtered(matching, request.filter.tags(), request.filter.excluded())
        self._ranges = id_ranges.ranges(tx, request.filter.since, request.filter.until)

    def run(self) -> Found:
        """Return the page of the request."""
        total = self._count() if self._request.counted else None
        if total == 0:
            return Found([], 0, None)
        return self._best(total) if self._request.order == "best" else self._in_order(total)

    def has_hits(self) -> bool:
        """Return True if a message matches."""
        return bool(self._ids(_DESCENDING, PAST_ALL_IDS, 1))

    def _count(self) -> int:
        return sum(_count(self._tx, self._match, self._request.filter, range) for range in self._ranges)

    def _best(self, total: int | None) -> Found:
        kind = self._request.kind
        position = self._request.position() or Cursor(kind, PAST_ALL_IDS, self._request.offset)
        literal = any(term.literal for term in self._terms)
        ids = self._ids(_DESCENDING, position.id, LITERAL_CANDIDATES if literal else SCORED)
        best, undecodable = _score(self._tx, self._terms, ids)
        end = position.offset + self._request.limit
        following = None
        if end < len(best):
            following = Cursor(kind, position.id if self._request.cursor else ids[0], end)
        elif len(ids) >= SCORED:
            following = Cursor(kind, ids[min(len(ids), SCORED) - 1] - 1, 0)
        hits = self._hits(best[position.offset : end])
        return Found(hits, None if total is None else total - undecodable, following)

    def _in_order(self, total: int | None) -> Found:
        is_newest = self._request.order == "newest"
        kind = self._request.kind
        position = self._request.position() or Cursor(kind, PAST_ALL_IDS if is_newest else 0, self._request.offset)
        start, limit = position.offset, self._request.limit
        statement = _DESCENDING if is_newest else _ASCENDING
        # An offset beyond SQLite's range of integers has no hits.
        ids = self._ids(statement, position.id, min(start + limit + 1, PAST_ALL_IDS))
        page = ids[start : start + limit]
        step = -1 if is_newest else 1
        following = Cursor(kind, max(page[-1] + step, 0), 0) if page and len(ids) > start + limit else None
        matched = tuple(term.text for term in self._terms)
        scorer = Scorer(self._terms)
        texts = {id: content for id, _, content in self._tx.run(_TEXTS, ids=json.dumps(page))}
        scores = {id: round(scorer.score(content.decode(errors="replace")), 4) for id, content in texts.items()}
        return Found(self._hits([Match(id, scores[id], matched) for id in page]), total, following)

    def _hits(self, matches: list[Match]) -> list[SearchHit]:
        return read_hits(self._tx, matches, snippets_of(finders(self._terms), self._request.marks))

    def _ids(self, statement: str, bound: int, limit: int) -> list[int]:
        """Return the first ids of the matches, from `bound` on in the statement's direction."""
        descending = statement == _DESCENDING
        found: list[int] = []
        for range in reversed(self._ranges) if descending else self._ranges:
            rows = self._tx.run(
                statement,
                match=self._match,
                first=range.first if descending else max(range.first, bound),
                last=min(range.last, bound) if descending else range.last,
                since=self._request.filter.since,
                until=self._request.filter.until,
                limit=limit - len(found),
            )
            found += [id for (id,) in rows]
            if len(found) >= limit:
                break
        return found


def _count(tx: Tx, match: str, filter: Filter, range: Range) -> int:
    """Count the matches in the index, and subtract those that a purge in progress deletes."""
    purges = tx.run("SELECT session_id, before_id FROM purges LIMIT :limit", limit=MAX_PURGES + 1).fetchall()
    if not range.exact or len(purges) > MAX_PURGES:
        values = {"first": range.first, "last": range.last, "since": filter.since, "until": filter.until}
        return int(tx.run(_COUNT_PRESENT, match=match, **values).fetchone()[0])
    if range.first == 0 and range.last == PAST_ALL_IDS:
        count = _count_all(tx, match)
    else:
        count = int(tx.run(_COUNT, match=match, first=range.first, last=range.last).fetchone()[0])
    for session_id, before_id in purges:
        deleted = f'({match}) AND "{tag("s", session_id)}"'
        last = min(range.last, before_id - 1)
        count -= int(tx.run(_COUNT, match=deleted, first=range.first, last=last).fetchone()[0])
    return count


class _Count(NamedTuple):
    """A remembered count. One of a later state of the index compares greater."""

    changes: int
    upto: int
    matches: int


def _count_all(tx: Tx, match: str) -> int:
    """Count the matches in the index, as far as they are not remembered."""
    if not isinstance(tx.connection, Reader) or len(match) > MAX_MATCH_CHARS:
        return int(tx.run(_COUNT_ALL, match=match).fetchone()[0])
    changes, upto = tx.run("SELECT changes, upto FROM search_progress").fetchone()
    remembered: dict[str, _Count] = tx.connection.memory.setdefault("counts", {})
    known = remembered.get(match)
    if known is None or known.changes != changes or known.upto > upto:  # Without a range, FTS5 counts a third faster.
        found = int(tx.run(_COUNT_ALL, match=match).fetchone()[0])
    elif known.upto == upto:
        return known.matches
    else:
        added = tx.run(_COUNT, match=match, first=known.upto + 1, last=PAST_ALL_IDS)
        found = known.matches + int(added.fetchone()[0])
    if found >= REMEMBERED and (known is None or known < (changes, upto)):
        remembered[match] = _Count(changes, upto, found)
        if len(remembered) > MAX_COUNTS:
            remembered.pop(next(iter(remembered)), None)
    return found


def _score(tx: Tx, terms: list[Term], ids: list[int]) -> tuple[list[Match], int]:
    """Score the newest matches; return them, the best first, and the number of rows that cannot be decoded.

    Of the matches after the first `SCORED`, only those are returned that hold a term with its symbols.
    """
    scorer = Scorer(terms)
    matched = tuple(term.text for term in terms)
    left = READ_BYTES
    undecodable = 0
    matches = []
    for start in range(0, len(ids), BATCH):
        if start >= SCORED and left <= 0:
            break
        rows = tx.run(_TEXTS, ids=json.dumps(ids[start : start + BATCH])).fetchall()
        for number, (id, created_at, content) in enumerate(sorted(rows, reverse=True), start):
            if not is_timestamp(created_at):
                report_damaged(InvalidData("message", id))
                undecodable += 1
                continue
            text = content.decode(errors="replace") if left > 0 else ""
            left -= len(content)
            if start < SCORED or scorer.has_literal(text):
                score = scorer.score(text) if text else 0.0
                matches.append(Match(id, round(score + RECENCY * max(0, 1 - number / SCORED), 4), matched))
    return sorted(matches, key=lambda match: (-match.score, -match.id)), undecodable
