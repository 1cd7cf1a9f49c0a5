"""Queries that have hits, for a query that has none."""

from collections.abc import Iterator

from segue.store.engine.tx import Tx
from segue.store.search.request import Request
from segue.store.search.text.query_parser import PREFIX_CHARS, Term, parse
from segue.store.search.word_search import WordSearch

LIMIT = 3
"""Suggestions of one search."""

MAX_TERMS = 8
"""Terms: a longer query gets no suggestions, because each term costs several searches."""

SHORTENED_CHARS = 3
"""Characters: the most that a prefix is shorter than the word typed."""


def suggest(tx: Tx, terms: list[Term], request: Request) -> list[str]:
    """Return queries with hits: a prefix in place of a word, one word fewer, else only the words that have hits."""
    if len(terms) > MAX_TERMS:
        return []
    hits = (next((query for query in queries if _has_hits(tx, query, request)), None) for queries in _candidates(terms))
    distinct = dict.fromkeys(query for query in hits if query is not None)
    if not distinct:
        known = [term for term in terms if _has_hits(tx, _query([term]), request)]
        return [_query(known)] if known and _has_hits(tx, _query(known), request) else []
    return list(distinct)[:LIMIT]


def _candidates(terms: list[Term]) -> Iterator[list[str]]:
    """Yield alternatives, the best first, of which the first with hits is suggested."""
    for index, term in enumerate(terms):
        word = term.text.rstrip("*")
        if word.isalnum():
            lengths = range(len(word), max(PREFIX_CHARS, len(word) - SHORTENED_CHARS) - 1, -1)
            prefixes = [term._replace(text=f"{word[:length]}*") for length in lengths]
            yield [_query([*terms[:index], prefix, *terms[index + 1 :]]) for prefix in prefixes]
    if len(terms) > 1:
        yield from ([_query([*terms[:index], *terms[index + 1 :]])] for index in range(len(terms)))


def _has_hits(tx: Tx, query: str, request: Request) -> bool:
    return WordSearch(tx, parse(query), request).has_hits()


def _query(terms: list[Term]) -> str:
    return " ".join(f'"{term.text}"' if len(term.text.split()) > 1 else term.text for term in terms)
