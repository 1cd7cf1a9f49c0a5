"""A person's words as a query of the index: quoted words only, so that none of them is ever an operator."""

import re
from typing import NamedTuple

from segue.store.search.tokenizer import spaced, split

PREFIX_CHARS = 3
"""A `*` after fewer is plain text: half the vocabulary begins with a given letter."""

_TERMS = re.compile(r'"([^"]*)"|([^\s"]+)')


class Term(NamedTuple):
    """Words that must follow one another; of the last one perhaps only the beginning."""

    words: tuple[str, ...]
    prefix: bool = False

    def match(self) -> str:
        """The term in FTS5's language: words hold no quote, see `words`."""
        return f'"{" ".join(self.words)}"' + " *" * self.prefix


def parse(query: str) -> list[Term]:
    """The terms of a query, each once; none if there is no word in it. No text is an error.

    White space stands between terms, `"` around a phrase, and `*` after the beginning of a word; what
    punctuation joins, as in `foo_bar`, is a phrase of its parts.
    """
    found = [_phrase(found[1]) if found[1] is not None else _word(found[2]) for found in _TERMS.finditer(query)]
    return list(dict.fromkeys(term for term in found if term.words))


def expression(terms: list[Term], tags: list[str]) -> str:
    """What FTS5 is asked: all terms among the words, and all tags."""
    asked = f"words : ({' AND '.join(term.match() for term in terms)})"
    return asked + (f" AND tags : ({' AND '.join(tags)})" if tags else "")


def _phrase(text: str) -> Term:
    return Term(tuple(split(text)))


def _word(text: str) -> Term:
    if text.endswith("*"):
        before = spaced(text[:-1])
        words = before.split()
        # A blank at the end: the star does not follow a word, or follows one that is a single character anyway.
        if words and not before.endswith(" ") and len(words[-1]) >= PREFIX_CHARS:
            return Term(tuple(words), prefix=True)
    return Term(tuple(split(text)))
