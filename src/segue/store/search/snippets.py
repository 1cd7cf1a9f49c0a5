"""The score of a message for a query, and the snippet that shows the match."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise, takewhile
from typing import NamedTuple

from segue.store.search.query_parser import Term
from segue.store.search.tokenizer import BREAK, TokenSpan, fold, is_cjk, is_single_char_token, tokenize_with_offsets

BEGIN_MARK, END_MARK = "\ue000", "\ue001"
_UNMARKED = str.maketrans({BEGIN_MARK: "\ufffd", END_MARK: "\ufffd"})  # The marks where a text itself holds them.

SNIPPET_CHARS = 160
LEAD_CHARS = 40
"""Characters: the text shown before the first match."""

WINDOW_CHARS = 4096
"""Characters: the text that is searched in one piece. A phrase that crosses two windows is not marked."""

MARKED_TERMS = 16
"""Terms of a query, and words of a term, that are scored and marked. A pasted book must not slow the search down."""

SCORED_CHARS = 16 * 1024
"""Characters: the beginning of a message that is scored."""

TYPICAL_CHARS = 400
"""Characters: the average length of a message. A longer message needs more matches for the same score."""

ELSEWHERE = 0.5
"""Occurrences that a term counts for if it is only in the parts or in the session's name."""


_LETTER = r"[^\W_\u3041-\u318f\u3400-\u9fff\uac00-\ud7ff]"  # Not allowed beside a word; a CJK character is allowed.


class Span(NamedTuple):
    """The position of a term in a text."""

    start: int
    end: int
    term: int


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
    in the order of the query add 1.
    """

    def __init__(self, terms: list[Term]) -> None:
        marked = _marked(terms)
        self._patterns = [_pattern(term) for term in marked]
        together = tuple(word for term in marked for word in term.words)
        self._together = _pattern(Term(together, marked[-1].prefix)) if len(marked) > 1 else None

    def score(self, content: str) -> float:
        """Return the score of a content, above 0 even if it holds no term, because the parts or the name do."""
        text = fold(content[:SCORED_CHARS])
        norm = 1.2 * (0.25 + 0.75 * len(content) / TYPICAL_CHARS)
        found = (len(pattern.findall(text)) or ELSEWHERE for pattern in self._patterns)
        score = sum(count * 2.2 / (count + norm) for count in found)
        return score + 1 if self._together and self._together.search(text) else score


def snippet(terms: list[Term], texts: list[str], budget: Budget) -> str:
    """Return the piece of the texts that holds the most terms, marked; without any, the beginning of the first text."""
    best: tuple[int, str, list[Span]] = (0, "", [])
    terms = _marked(terms)
    patterns = [_pattern(term) for term in terms]
    for text in texts:
        for window in _windows(budget.take(text)):
            folded = fold(window)
            held = sum(pattern.search(folded) is not None for pattern in patterns)
            if held > best[0] and (spans := find_spans(terms, tokenize_with_offsets(window))):
                best = (held, window, spans)
            if best[0] == len(terms):
                return _cut(*best[1:])
    return _cut(*best[1:]) if best[0] else next((_plain(text[:SNIPPET_CHARS]) for text in texts if text), "")


def find_spans(terms: list[Term], tokens: list[TokenSpan]) -> list[Span]:
    """Return every occurrence of every term, in order."""
    spans = []
    words = [token.word for token in tokens]
    for index, term in enumerate(terms):
        *firsts, last = term.words
        for at in range(len(words) - len(firsts)):
            end = words[at + len(firsts)]
            if words[at : at + len(firsts)] == firsts and (end.startswith(last) if term.prefix else end == last):
                spans.append(Span(tokens[at].start, tokens[at + len(firsts)].end, index))
    return sorted(spans)


def _windows(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + WINDOW_CHARS
        if end < len(text):  # End at a space, if there is one, because a cut word does not match.
            end = text.rfind(" ", start + 1, end) + 1 or end
        yield text[start:end]
        start = end


def _cut(text: str, spans: list[Span]) -> str:
    """Return the piece around the match that the most terms follow closely."""

    def terms_from(index: int) -> int:
        end = spans[index].start + SNIPPET_CHARS
        near = takewhile(lambda span: span.start < end, islice(spans, index, None))
        return len({span.term for span in near if span.end <= end})

    first = spans[max(range(len(spans)), key=terms_from)]
    start = max(0, min(first.start - LEAD_CHARS, len(text) - SNIPPET_CHARS))
    if start:  # Begin at a word, if one begins near.
        start = text.find(" ", start, min(first.start, start + LEAD_CHARS // 2)) + 1 or start
    return _mark(text, spans, start, start + SNIPPET_CHARS)


def _mark(text: str, spans: list[Span], start: int, end: int) -> str:
    pieces = []
    at = start
    for begin, stop in _merged(spans):
        begin, stop = max(begin, at), min(stop, end)
        if begin < stop:
            pieces += [_plain(text[at:begin]), BEGIN_MARK, _plain(text[begin:stop]), END_MARK]
            at = stop
    return "".join([*pieces, _plain(text[at:end])])


def _merged(spans: list[Span]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the spans, overlapping ones joined."""
    begin, stop = spans[0][:2]
    for span in spans[1:]:
        if span.start >= stop:
            yield begin, stop
            begin = span.start
        stop = max(stop, span.end)
    yield begin, stop


def _plain(text: str) -> str:
    return text.translate(_UNMARKED)


def _marked(terms: list[Term]) -> list[Term]:
    return [Term(term.words[:MARKED_TERMS], term.prefix) for term in terms[:MARKED_TERMS]]


def _pattern(term: Term) -> re.Pattern[str]:
    """Return a pattern that finds the term in folded text, nearly always as the index does."""
    first = re.escape(term.words[0])
    # The pattern begins with a literal, which re finds fast. The check of the character before it follows.
    pieces = [first if is_single_char_token(term.words[0]) else f"{first}(?<!{_LETTER}{first})"]
    for before, word in pairwise(term.words):
        if BREAK in (before, word):
            pieces.append(r"[\W_]+" if word == BREAK else re.escape(word))
        else:
            loose = is_single_char_token(before) or is_single_char_token(word)
            between = "" if is_cjk(before) and is_cjk(word) else r"[\W_]*" if loose else r"[\W_]+"
            pieces.append(between + re.escape(word))
    ends_anywhere = term.prefix or is_single_char_token(term.words[-1])
    return re.compile("".join(pieces) + ("" if ends_anywhere else f"(?!{_LETTER})"))
