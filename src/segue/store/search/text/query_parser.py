"""The translation of a query into an FTS5 expression. Every word is quoted, so no input is ever an operator."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from segue.store.search.text.pieces import atoms
from segue.store.search.text.tokenizer import fold, normalize, tokenize

PREFIX_CHARS = 3
"""Characters: the shortest prefix. A `*` after fewer is plain text, because shorter prefixes match half the index."""

_TERMS = re.compile(r'"([^"]*)"|([^\s"]+)')
_SENTENCE_MARKS = ".,;:!?()[]{}<>'`*"


class Term(NamedTuple):
    """Words that must be adjacent; with `prefix`, the last word may continue."""

    words: tuple[str, ...]
    prefix: bool = False
    pieces: tuple[str, ...] = ()
    """The words divided at case and digit borders; a match of them is a match of the term."""
    text: str = ""
    """The term as typed, without quotes."""
    literal: str = ""
    """The folded text to prefer, if the term was typed with symbols."""

    def match(self, mark: str = "") -> str:
        """Return the term in FTS5's language, with `mark` before each word. Words never contain a quote."""
        alternatives = [_phrase(words, mark) + " *" * self.prefix for words in (self.words, self.pieces) if words]
        return alternatives[0] if len(alternatives) == 1 else f"({' OR '.join(alternatives)})"


def parse(query: str) -> list[Term]:
    """Return the distinct terms of a query; an empty list if it holds no word. No query is an error.

    White space separates terms, `"` encloses a phrase, and `*` ends a prefix. Words joined by punctuation, such as
    `foo_bar`, are a phrase.
    """
    found = [_quoted(found[1]) if found[1] is not None else _typed(found[2]) for found in _TERMS.finditer(query)]
    distinct: dict[tuple[tuple[str, ...], bool], Term] = {}
    for term in found:
        if term.words:
            distinct.setdefault((term.words, term.prefix), term)
    return list(distinct.values())


def match_all(terms: Iterable[Term], mark: str = "") -> str:
    """Return the FTS5 expression for entries that hold all terms."""
    return " AND ".join(term.match(mark) for term in terms)


def filtered(expression: str, tags: list[str], excluded: list[str]) -> str:
    """Return the FTS5 expression for messages that also have all filter terms and none of the excluded ones."""
    matching = " AND ".join([expression, *(f'"{tag}"' for tag in tags)])
    return " NOT ".join([f"({matching})", *(f'"{tag}"' for tag in excluded)]) if excluded else matching


def expression(terms: list[Term], named: Collection[Term], name_mark: str) -> str:
    """Return the FTS5 expression for messages that hold at least one term and, with their session's name, all.

    `named` are the terms that the name of some session holds. A term that no name holds must be in the message.
    """
    clauses = [
        f"({term.match()} OR {term.match(name_mark)})" if len(terms) > 1 and term in named else term.match()
        for term in terms
    ]
    if len(terms) > 1 and all(term in named for term in terms):
        clauses.append(f"({' OR '.join(term.match() for term in terms)})")
    return " AND ".join(clauses)


def _phrase(words: tuple[str, ...], mark: str) -> str:
    return f'"{" ".join(mark + word for word in words)}"'


def _quoted(text: str) -> Term:
    return Term(tuple(tokenize(text)), pieces=_pieces(text), text=text.strip())


def _typed(text: str) -> Term:
    literal = _literal(text)
    if text.endswith("*"):
        before = normalize(text[:-1])
        words = before.split()
        # A space at the end means that the star follows a separator or a single-character token.
        if words and not before.endswith(" ") and sum(map(len, words)) >= PREFIX_CHARS:
            return Term(tuple(words), prefix=True, pieces=_pieces(text[:-1]), text=text, literal=literal)
    return Term(tuple(tokenize(text)), pieces=_pieces(text), text=text, literal=literal)


def _pieces(text: str) -> tuple[str, ...]:
    """Return the pieces of a text without white space."""
    return () if len(text.split()) > 1 else atoms(text.strip())


def _literal(text: str) -> str:
    """Return the folded text if symbols distinguish it from its words."""
    folded = fold(text.rstrip(_SENTENCE_MARKS).lstrip("()[]{}<>'`*,;:"))
    return folded if not folded.isalnum() else ""
