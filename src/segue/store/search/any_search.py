"""Searches for messages that hold any of the words, ranked by BM25.

Plan.

1. A word of the query stands for every word of the same stem. A phrase, a prefix and a compound word stand for
   themselves and count once per message.
2. The lists of the index are read, the rarest term first, until their lengths add up to `MAX_POSTINGS`. The lists
   beyond belong to common words, whose weight is small; they are left out. If the first list alone is longer, its
   newest part is read.
3. Each message gets the sum of `weight * f * 2.2 / (f + norm)` over its terms, with the number of occurrences `f`.
   `norm` grows with the length of the message, which `blocks` holds. `weight` grows with the rarity of the term. It is
   less for words of grammar, because a small archive may have them as seldom as the words that a question is about.
"""

import json
from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from math import log
from typing import NamedTuple

from segue.store.engine.tx import Tx
from segue.store.search import blocks, index
from segue.store.search.hits import read_hits, snippets_of
from segue.store.search.request import Cursor, Found, Match, Request
from segue.store.search.text.function_words import FUNCTION_WORDS
from segue.store.search.text.query_parser import Term, filtered
from segue.store.search.text.snippets import Finder, finder_of_words, finders
from segue.store.search.text.stemmer import forms

MAX_POSTINGS = 60_000
"""Messages in the lists that one search reads, about 0.15 s."""

MAX_TERMS = 64
"""Terms of a query that are searched."""

FUNCTION_WORD_WEIGHT = 0.3
"""Factor: the weight of an English word of grammar beside that of another word as rare."""

_SIZE = "SELECT coalesce(sum(doc), 0) FROM message_vocabulary WHERE term = :term"
_OCCURRENCES = "SELECT doc FROM message_occurrences WHERE term = :term"
_NEWEST = "SELECT rowid FROM message_words WHERE message_words MATCH :match ORDER BY rowid DESC LIMIT :limit"
_COUNT = "SELECT count(*) FROM message_words WHERE message_words MATCH :match"
_PRESENT = """
    SELECT m.id FROM messages AS m LEFT JOIN purges AS p ON p.session_id = m.session_id
    WHERE m.id IN (SELECT value FROM json_each(:ids)) AND m.id >= coalesce(p.before_id, 0)
      AND (:since IS NULL OR m.created_at > :since) AND (:until IS NULL OR m.created_at <= :until)
"""


class Stem(NamedTuple):
    """A term of the query, the words that stand for it, and the length of its list in the index."""

    term: Term
    words: tuple[str, ...]
    """Empty for a phrase, a prefix or a compound word."""
    size: int

    def match(self) -> str:
        """Return the stem as an FTS5 expression."""
        return " OR ".join(f'"{word}"' for word in self.words) if self.words else self.term.match()


class AnySearch:
    """A search for messages that hold any of the terms."""

    def __init__(self, tx: Tx, terms: list[Term], request: Request) -> None:
        self._tx = tx
        self._request = request
        self._terms = terms
        self._stems = sorted(_stems(tx, terms[:MAX_TERMS]), key=lambda stem: stem.size)
        self._tags = (request.filter.tags(), request.filter.excluded())

    def run(self) -> Found:
        """Return the page of the request."""
        request = self._request
        newest = index.progress(self._tx).upto
        position = request.position() or Cursor(request.kind, newest, request.offset)
        postings, is_complete = self._postings(position.id)
        scores = self._scores(postings, newest)
        end = position.offset + request.limit
        if request.order == "best":
            ids = nlargest(min(end, len(scores)), scores, key=lambda message: (scores[message], message))[
                position.offset :
            ]
        else:
            ids = sorted(scores, reverse=request.order == "newest")[position.offset : end]
        following = Cursor(request.kind, position.id, end) if end < len(scores) else None
        matches = [Match(id, round(scores[id], 4), ()) for id in ids]
        total = len(scores) if is_complete and request.counted else None
        found_by = self._finders()
        return Found(read_hits(self._tx, matches, snippets_of(found_by, request.marks), found_by), total, following)

    def _finders(self) -> list[Finder]:
        in_order = [stem for term in self._terms for stem in self._stems if stem.term is term]
        return [
            finder_of_words(stem.term.text, stem.words) if stem.words else finders([stem.term])[0] for stem in in_order
        ]

    def _postings(self, last: int) -> tuple[list[tuple[Stem, Counter[int]]], bool]:
        """Return the occurrences of the rarest stems by message; True if no stem is left out."""
        left = MAX_POSTINGS
        found: list[tuple[Stem, Counter[int]]] = []
        for stem in self._stems:
            if stem.size > left and found:
                return found, False
            found.append((stem, self._occurrences(stem, last)))
            left -= stem.size
        return found, left >= 0

    def _occurrences(self, stem: Stem, last: int) -> Counter[int]:
        tags, excluded = self._tags
        is_filtered = bool(tags or excluded)
        allowed: set[int] | None = None
        if is_filtered or not stem.words or stem.size > MAX_POSTINGS:
            match = filtered(f"({stem.match()})", tags, excluded)
            allowed = {id for (id,) in self._tx.run(_NEWEST, match=match, limit=MAX_POSTINGS)}
        if not stem.words or stem.size > MAX_POSTINGS:
            return Counter(id for id in allowed or () if 0 < id <= last)
        ids = (id for word in stem.words for (id,) in self._tx.run(_OCCURRENCES, term=word))
        return Counter(id for id in ids if 0 < id <= last and (allowed is None or id in allowed))

    def _scores(self, postings: list[tuple[Stem, Counter[int]]], count: int) -> dict[int, float]:
        ids = self._present({id for _, occurrences in postings for id in occurrences})
        lengths = blocks.lengths(self._tx, {id >> blocks.BLOCK_BITS for id in ids})
        norms = _norms(lengths.values())
        scores = dict.fromkeys(ids, 0.0)
        for stem, occurrences in postings:
            weight = log(1 + (max(count, stem.size) - stem.size + 0.5) / (stem.size + 0.5))
            if len(stem.term.words) == 1 and stem.term.words[0] in FUNCTION_WORDS:
                weight *= FUNCTION_WORD_WEIGHT
            for id, times in occurrences.items():
                if id in scores:
                    norm = norms[lengths[id >> blocks.BLOCK_BITS][id % blocks.SIZE]]
                    scores[id] += weight * times * 2.2 / (times + norm)
        return scores

    def _present(self, ids: set[int]) -> set[int]:
        """Return the messages that no purge deletes and whose time passes the filter."""
        since, until = self._request.filter.since, self._request.filter.until
        if since is None and until is None and self._tx.run("SELECT 1 FROM purges").fetchone() is None:
            return ids
        return {id for (id,) in self._tx.run(_PRESENT, ids=json.dumps(list(ids)), since=since, until=until)}


def _stems(tx: Tx, terms: list[Term]) -> list[Stem]:
    """Return the terms without those that another one stands for."""
    found: dict[tuple[str, ...], Stem] = {}
    for term in terms:
        if len(term.words) == 1 and not term.prefix and not term.pieces:
            sizes = {word: int(tx.run(_SIZE, term=word).fetchone()[0]) for word in forms(term.words[0])}
            words = tuple(word for word, size in sizes.items() if size)
            size = sum(sizes.values())
        else:
            words, size = (), int(tx.run(_COUNT, match=term.match()).fetchone()[0])
        if size:
            found.setdefault(words or term.words, Stem(term, words, size))
    return list(found.values())


def _norms(lengths: Iterable[bytes]) -> list[float]:
    """Return BM25's norm of each length code, by the average length in these blocks."""
    codes: Counter[int] = Counter()
    for block in lengths:
        codes.update(block)
    del codes[0]
    count = codes.total()
    average = sum(blocks.WORDS[code] * times for code, times in codes.items()) / count if count else 1.0
    return [1.2 * (0.25 + 0.75 * words / max(average, 1.0)) for words in blocks.WORDS]
