"""The score of a message for a query, and the snippet that shows the match."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise, takewhile
from typing import NamedTuple

from segue.store.search.text.query_parser import Term
from segue.store.search.text.tokenizer import BREAK, fold, fold_with_offsets, is_single_char_token, is_unspaced

_UNMARKED = str.maketrans({"\ue000": "\ufffd", "\ue001": "\ufffd"})  # The default marks, where a text holds them.

SNIPPET_CHARS = 160
LEAD_CHARS = 40
"""Characters: the text shown before the first match."""

WINDOW_CHARS = 4096
"""Characters: the text that is searched in one piece. A phrase that crosses two windows is not marked."""

SHOWN_TERMS = 16
"""Terms of a query, and words of a term, that are scored and marked. A pasted book must not slow the search down."""

SCORED_CHARS = 16 * 1024
"""Characters: the beginning of a message that is scored."""

TYPICAL_CHARS = 400
"""Characters: the average length of a message. A longer message needs more matches for the same score."""

ELSEWHERE = 0.5
"""Occurrences that a term counts for if it is only in the parts or in the session's name."""

LITERAL = 3
"""Score: of a term typed with symbols whose symbols the text has. More than two plain terms give."""


# Not allowed beside a word. Characters of scripts without spaces are allowed there, but excluding them here would make
# the compilation of each pattern take 10 ms. Where one stands beside a word, the loose pattern finds the word.
_LETTER = r"[^\W_]"


class Marks(NamedTuple):
    """The texts before and after each match in a snippet."""

    begin: str = "\ue000"
    end: str = "\ue001"


class Span(NamedTuple):
    """The position of a match in a text; `finder` is the index of its finder."""

    start: int
    end: int
    finder: int


class Finder(NamedTuple):
    """The search for one term in folded text: as the index finds it, else inside of longer words."""

    text: str
    """The term as typed."""
    strict: re.Pattern[str]
    loose: re.Pattern[str]

    def find(self, folded: str) -> list[tuple[int, int]]:
        """Return the ranges of all matches, loose ones only if there is no strict one."""
        found = [match.span() for match in self.strict.finditer(folded)]
        return found or [match.span() for match in self.loose.finditer(folded) if match[0]]

    def is_in(self, folded: str) -> bool:
        """Return True if the term is in the text."""
        return self.strict.search(folded) is not None or self.loose.search(folded) is not None


class Budget:
    """The number of characters that the snippets of one page may search."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, text: str) -> str:
        """Return as much of the text as the budget allows, and spend it."""
        taken = text[: max(self.left, 0)]
        self.left -= len(taken)
        return taken


class Scorer:
    """A ranking of messages by the number and density of the query's terms.

    A term that occurs `f` times gives `f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length / typical length))`, as in BM25.
    BM25's weight for rare terms is left out, because every scored message holds all terms. Terms that stand together
    in the order of the query add 1. A term typed with symbols adds 3 where the text has the same symbols.
    """

    def __init__(self, terms: list[Term]) -> None:
        self._finders = finders(terms)
        shown = _shown(terms)
        together = tuple(word for term in shown for word in term.words)
        self._together = _pattern(together, prefix=shown[-1].prefix) if len(shown) > 1 else None
        self._literals = [literal_pattern(term.literal) for term in shown if term.literal]

    def score(self, content: str) -> float:
        """Return the score of a content, above 0 even if it holds no term, because the parts or the name do."""
        text = fold(content[:SCORED_CHARS])
        norm = 1.2 * (0.25 + 0.75 * len(content) / TYPICAL_CHARS)
        found = (len(finder.find(text)) or ELSEWHERE for finder in self._finders)
        score = sum(count * 2.2 / (count + norm) for count in found)
        score += sum(LITERAL for pattern in self._literals if pattern.search(text))
        return score + 1 if self._together and self._together.search(text) else score

    def has_literal(self, content: str) -> bool:
        """Return True if the content holds a term with the symbols it was typed with."""
        text = fold(content[:SCORED_CHARS])
        return any(pattern.search(text) for pattern in self._literals)


def finders(terms: list[Term]) -> list[Finder]:
    """Return a finder for each of the first terms."""
    return [Finder(term.text, _pattern(term.words, prefix=term.prefix), _loose(term)) for term in _shown(terms)]


def finder_of_words(text: str, words: Iterable[str]) -> Finder:
    """Return a finder for any of several words."""
    pattern = re.compile("|".join(f"(?:{_pattern((word,), prefix=False).pattern})" for word in words))
    return Finder(text, pattern, pattern)


def literal_pattern(literal: str) -> re.Pattern[str]:
    """Return a pattern for a literal text in folded text that does not begin inside of a word."""
    return re.compile(re.escape(literal) + rf"(?<!{_LETTER}{re.escape(literal)})")


def snippet(found_by: list[Finder], texts: list[str], budget: Budget, marks: Marks) -> str:
    """Return the piece of the texts that holds the most terms, marked; without any, the beginning of the first text."""
    best: tuple[int, str, list[Span]] = (0, "", [])
    for text in texts:
        for window in _windows(budget.take(text)):
            held = sum(finder.is_in(fold(window)) for finder in found_by)
            if held > best[0] and (spans := find_spans(found_by, window)):
                best = (held, window, spans)
            if best[0] == len(found_by):
                return cut(*best[1:], marks)
    if best[0]:
        return cut(*best[1:], marks)
    return next((_plain(text[:SNIPPET_CHARS], marks) for text in texts if text), "")


def find_spans(found_by: list[Finder], text: str) -> list[Span]:
    """Return every match of every finder, in order."""
    folded, origins = fold_with_offsets(text)
    return sorted(
        Span(origins[start][0], origins[end - 1][1], index)
        for index, finder in enumerate(found_by)
        for start, end in finder.find(folded)
    )


def _windows(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + WINDOW_CHARS
        if end < len(text):  # End at a space, if there is one, because a cut word does not match.
            end = text.rfind(" ", start + 1, end) + 1 or end
        yield text[start:end]
        start = end


def cut(text: str, spans: list[Span], marks: Marks) -> str:
    """Return the piece around the match that the most terms follow closely."""

    def terms_from(index: int) -> int:
        end = spans[index].start + SNIPPET_CHARS
        near = takewhile(lambda span: span.start < end, islice(spans, index, None))
        return len({span.finder for span in near if span.end <= end})

    first = spans[max(range(len(spans)), key=terms_from)]
    start = max(0, min(first.start - LEAD_CHARS, len(text) - SNIPPET_CHARS))
    if start:  # Begin at a word, if one begins near.
        start = text.find(" ", start, min(first.start, start + LEAD_CHARS // 2)) + 1 or start
    return _mark(text, spans, (start, start + SNIPPET_CHARS), marks)


def _mark(text: str, spans: list[Span], window: tuple[int, int], marks: Marks) -> str:
    pieces = []
    at, end = window
    for begin, stop in _merged(spans):
        begin, stop = max(begin, at), min(stop, end)
        if begin < stop:
            pieces += [_plain(text[at:begin], marks), marks.begin, _plain(text[begin:stop], marks), marks.end]
            at = stop
    return "".join([*pieces, _plain(text[at:end], marks)])


def _merged(spans: list[Span]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the spans, overlapping ones joined."""
    begin, stop = spans[0][:2]
    for span in spans[1:]:
        if span.start >= stop:
            yield begin, stop
            begin = span.start
        stop = max(stop, span.end)
    yield begin, stop


def _plain(text: str, marks: Marks) -> str:
    """Return the text with U+FFFD for the default marks that it holds itself."""
    return text.translate(_UNMARKED) if marks == Marks() else text


def _shown(terms: list[Term]) -> list[Term]:
    return [
        term._replace(words=term.words[:SHOWN_TERMS], pieces=term.pieces[:SHOWN_TERMS]) for term in terms[:SHOWN_TERMS]
    ]


def _pattern(words: tuple[str, ...], *, prefix: bool) -> re.Pattern[str]:
    """Return a pattern that finds the words in folded text, nearly always as the index does."""
    first = re.escape(words[0])
    # The pattern begins with a literal, which re finds fast. The check of the character before it follows.
    pieces = [first if is_single_char_token(words[0]) else f"{first}(?<!{_LETTER}{first})"]
    for before, word in pairwise(words):
        if BREAK in (before, word):
            pieces.append(r"[\W_]+" if word == BREAK else re.escape(word))
        else:
            loose = is_single_char_token(before) or is_single_char_token(word)
            between = "" if is_unspaced(before) and is_unspaced(word) else r"[\W_]*" if loose else r"[\W_]+"
            pieces.append(between + re.escape(word))
    ending = f"{_LETTER}*" if prefix else "" if is_single_char_token(words[-1]) else f"(?!{_LETTER})"
    return re.compile("".join(pieces) + ending)


def _loose(term: Term) -> re.Pattern[str]:
    """Return a pattern that finds the term as a piece of longer words too."""
    return re.compile(r"[\W_]*".join(re.escape(word) for word in term.pieces or term.words if word != BREAK))
