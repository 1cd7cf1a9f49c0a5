"""The translation of a query into an FTS5 expression. Every word is quoted, so no input is ever an operator."""

import re
from typing import NamedTuple

from segue.store.search.tokenizer import normalize, tokenize

PREFIX_CHARS = 3
"""Characters: the shortest prefix. A `*` after fewer is plain text, because shorter prefixes match half the index."""

_TERMS = re.compile(r'"([^"]*)"|([^\s"]+)')


class Term(NamedTuple):
    """Words that must be adjacent; with `prefix`, the last word may continue."""

    words: tuple[str, ...]
    prefix: bool = False

    def match(self) -> str:
        """Return the term as an FTS5 phrase. Words never contain a quote, because the tokenizer drops it."""
        return f'"{" ".join(self.words)}"' + " *" * self.prefix


def parse(query: str) -> list[Term]:
    """Return the distinct terms of a query; an empty list if it holds no word. No query is an error.

    White space separates terms, `"` encloses a phrase, and `*` ends a prefix. Words joined by punctuation, such as
    `foo_bar`, are a phrase.
    """
    found = [_phrase(found[1]) if found[1] is not None else _word(found[2]) for found in _TERMS.finditer(query)]
    return list(dict.fromkeys(term for term in found if term.words))


def expression(terms: list[Term], tags: list[str]) -> str:
    """Return the FTS5 expression for messages that hold all terms and all tags."""
    words = f"words : ({' AND '.join(term.match() for term in terms)})"
    return words + (f" AND tags : ({' AND '.join(tags)})" if tags else "")


def _phrase(text: str) -> Term:
    return Term(tuple(tokenize(text)))


def _word(text: str) -> Term:
    if text.endswith("*"):
        before = normalize(text[:-1])
        words = before.split()
        # A space at the end means that the star follows a separator or a single-character token.
        if words and not before.endswith(" ") and len(words[-1]) >= PREFIX_CHARS:
            return Term(tuple(words), prefix=True)
    return Term(tuple(tokenize(text)))
