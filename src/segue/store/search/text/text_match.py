"""A query as a condition on single texts, for tables that have no index."""

from segue.store.search.text.pieces import pieces_text
from segue.store.search.text.query_parser import Term, parse
from segue.store.search.text.snippets import Scorer
from segue.store.search.text.tokenizer import END, normalize


class TextMatch:
    """A query that texts match as messages do in the index: they hold all terms, or any of them."""

    def __init__(self, query: str, *, any_term: bool = False) -> None:
        self._terms = parse(query)
        self._scorer = Scorer(self._terms) if self._terms else None
        self._suffice = any if any_term else all

    def score(self, text: str) -> float | None:
        """Return how well the text matches, or None if it does not. Nothing matches a query without words."""
        if self._scorer is None:
            return None
        words = " ".join(f"{END} {normalize(text)} {END} {pieces_text(text)} {END}".split())
        return self._scorer.score(text) if self._suffice(_holds(words, term) for term in self._terms) else None


def _holds(words: str, term: Term) -> bool:
    alternatives = (" ".join(phrase) for phrase in (term.words, term.pieces) if phrase)
    return any(f" {phrase}{'' if term.prefix else ' '}" in words for phrase in alternatives)
