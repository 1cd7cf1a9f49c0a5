"""How well a text fits a query, and the piece of it that shows why."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise, takewhile
from typing import NamedTuple

from segue.store.search.query_parser import Term
from segue.store.search.tokenizer import BREAK, TokenSpan, folded, is_alone, is_cjk, placed

BEGIN_MARK, END_MARK = "\ue000", "\ue001"
UNMARKED = str.maketrans({BEGIN_MARK: "\ufffd", END_MARK: "\ufffd"})
"""The two marks where they stand in the text itself."""

SNIPPET_CHARS = 160
LEAD_CHARS = 40
"""Characters shown before the first match."""

WINDOW_CHARS = 4096
"""Characters looked at together; a phrase that crosses from one window into the next is not marked."""

SHOWN_TERMS = 16
"""Terms of a query that are scored and marked, and words of each: somebody may paste a book into a search."""

SCORED_CHARS = 16 * 1024
"""Characters of a message that count for its score."""

TYPICAL_CHARS = 400
"""The average length of a message: longer ones need more matches for the same score."""

ELSEWHERE = 0.5
"""What a term counts that stands in the parts or the session's name only; one in the content counts 1."""


_LETTER = r"[^\W_\u3041-\u318f\u3400-\u9fff\uac00-\ud7ff]"
"""What may not stand beside a word; a CJK character may."""


class Span(NamedTuple):
    """Where a term stands in a text."""

    start: int
    end: int
    term: int


class Budget:
    """Characters that an answer may still look at: snippets must not take longer than the search."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, text: str) -> str:
        """As much of the text as there is left for."""
        taken = text[: max(self.left, 0)]
        self.left -= len(taken)
        return taken


class Scorer:
    """Scores messages by how often and how densely they hold the terms of a query.

    Each term gives `f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length / typical length))` for its `f` occurrences, as
    BM25 does; without BM25's weight of rare terms, for all that are scored hold all terms. The terms one
    after the other, as they were asked for, give one more.
    """

    def __init__(self, terms: list[Term]) -> None:
        shown = _shown(terms)
        self._patterns = [_pattern(term) for term in shown]
        together = tuple(word for term in shown for word in term.words)
        self._together = _pattern(Term(together, shown[-1].prefix)) if len(shown) > 1 else None

    def score(self, content: str) -> float:
        """How well the content fits; above 0 even without any occurrence, for the message was found somehow."""
        text = folded(content[:SCORED_CHARS])
        norm = 1.2 * (0.25 + 0.75 * len(content) / TYPICAL_CHARS)
        found = (len(pattern.findall(text)) or ELSEWHERE for pattern in self._patterns)
        score = sum(count * 2.2 / (count + norm) for count in found)
        return score + 1 if self._together and self._together.search(text) else score


def snippet(terms: list[Term], texts: list[str], budget: Budget) -> str:
    """A piece of the text that holds the most terms, with marks around them; else how the first one begins."""
    best: tuple[int, str, list[Span]] = (0, "", [])
    terms = _shown(terms)
    patterns = [_pattern(term) for term in terms]
    for text in texts:
        for window in _windows(budget.take(text)):
            look = folded(window)
            terms_in = sum(pattern.search(look) is not None for pattern in patterns)
            if terms_in > best[0] and (spans := find_spans(terms, placed(window))):
                best = (terms_in, window, spans)
            if best[0] == len(terms):
                return _cut(*best[1:])
    return _cut(*best[1:]) if best[0] else next((_plain(text[:SNIPPET_CHARS]) for text in texts if text), "")


def find_spans(terms: list[Term], paths: list[TokenSpan]) -> list[Span]:
    """Every occurrence of every term, in order."""
    spans = []
    words = [place.word for place in paths]
    for index, term in enumerate(terms):
        *firsts, last = term.words
        for at in range(len(words) - len(firsts)):
            end = words[at + len(firsts)]
            if words[at : at + len(firsts)] == firsts and (end.startswith(last) if term.prefix else end == last):
                spans.append(Span(paths[at].start, paths[at + len(firsts)].end, index))
    return sorted(spans)


def _windows(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + WINDOW_CHARS
        if end < len(text):  # not through a word, if there is a blank
            end = text.rfind(" ", start + 1, end) + 1 or end
        yield text[start:end]
        start = end


def _cut(text: str, spans: list[Span]) -> str:
    """The piece around the match from which on the most terms stand close together."""

    def terms_from(index: int) -> int:
        end = spans[index].start + SNIPPET_CHARS
        near = takewhile(lambda span: span.start < end, islice(spans, index, None))
        return len({span.term for span in near if span.end <= end})

    first = spans[max(range(len(spans)), key=terms_from)]
    start = max(0, min(first.start - LEAD_CHARS, len(text) - SNIPPET_CHARS))
    if start:  # at the beginning of a word, if one is near
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
    """The spans without their overlaps."""
    begin, stop = spans[0][:2]
    for span in spans[1:]:
        if span.start >= stop:
            yield begin, stop
            begin = span.start
        stop = max(stop, span.end)
    yield begin, stop


def _plain(text: str) -> str:
    return text.translate(UNMARKED)


def _shown(terms: list[Term]) -> list[Term]:
    return [Term(term.words[:SHOWN_TERMS], term.prefix) for term in terms[:SHOWN_TERMS]]


def _pattern(term: Term) -> re.Pattern[str]:
    """Finds the term in folded text, nearly always as the index does: for scores, and for where to look closer."""
    first = re.escape(term.words[0])
    # It begins with a literal, which is found fast; the look at what stands before it comes after.
    pieces = [first if is_alone(term.words[0]) else f"{first}(?<!{_LETTER}{first})"]
    for before, word in pairwise(term.words):
        if BREAK in (before, word):
            pieces.append(r"[\W_]+" if word == BREAK else re.escape(word))
        else:
            loose = is_alone(before) or is_alone(word)
            between = "" if is_cjk(before) and is_cjk(word) else r"[\W_]*" if loose else r"[\W_]+"
            pieces.append(between + re.escape(word))
    return re.compile("".join(pieces) + ("" if term.prefix or is_alone(term.words[-1]) else f"(?!{_LETTER})"))
