"""Scans of the messages for a substring or a regular expression, and of those that the index lacks for words.

A scan gives what it finds within a second, but at least the first batch, and the cursor where it stopped. Regular
expressions run in a process of their own, because a pattern can take forever on a short text and Python cannot
interrupt it. The kernel gives that process a second of a processor, so a busy machine refuses no other pattern.
"""

import re
import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from segue.errors import InvalidParams
from segue.store.engine.tx import Tx
from segue.store.search import index
from segue.store.search.hits import read_hits, snippets_of
from segue.store.search.index_entries import as_text, own_texts
from segue.store.search.regex_process import RegexProcess
from segue.store.search.regex_worker import CPU_SECONDS
from segue.store.search.request import Cursor, Filter, Found, Match, Request
from segue.store.search.session_entries import EACH_TAG
from segue.store.search.text.query_parser import parse
from segue.store.search.text.snippets import Finder, Marks, Span, cut, finders
from segue.store.search.text.text_match import TextMatch
from segue.store.search.text.tokenizer import fold

SECONDS = 1.0
"""Seconds: the length of a scan."""

WINDOW = 5000
"""Message ids: the range of one statement, so that a filter that no message passes does not block the scan."""

BATCH_MESSAGES = 100
BATCH_CHARS = 256 * 1024
"""Messages, and characters of them, that are searched in one step."""

_CONDITIONS = {
    "session_id": "m.session_id = :session_id",
    "role": "m.role = :role",
    "since": "m.created_at > :since",
    "until": "m.created_at <= :until",
    "working_dir": "s.working_dir = :working_dir",
    "bot_id": "s.bot_id = :bot_id",
    "project": "s.project = :project",
    "source": "coalesce(s.source_tool, '') = :source",
}
_TAGGED = f"EXISTS (SELECT 1 FROM {EACH_TAG.format('s')} WHERE value = :tag{{}})"


class Texts(NamedTuple):
    """The texts of a message."""

    id: int
    texts: list[str]


class Hit(NamedTuple):
    """A match: the message, one of its texts, and the matches in it."""

    id: int
    text: str
    spans: list[tuple[int, int]]


class Searcher(Protocol):
    """A search of a batch of messages; its result is None if a regular expression used up its time."""

    def search(self, batch: list[Texts]) -> list[Hit] | None:
        """Return the hits in order."""


class SubstringSearcher:
    """A search for a text without regard to case and accents."""

    def __init__(self, needle: str) -> None:
        self._needle = fold(needle)

    def search(self, batch: list[Texts]) -> list[Hit] | None:
        """Return the hits in order."""
        return [
            Hit(id, text, [])
            for id, texts in batch
            for text in [self._find(texts)]
            if self._needle and text is not None
        ]

    def _find(self, texts: list[str]) -> str | None:
        return next((text for text in texts if self._needle in fold(text)), None)


class RegexSearcher:
    """A search for a regular expression."""

    def __init__(self, process: RegexProcess) -> None:
        self._process = process

    def search(self, batch: list[Texts]) -> list[Hit] | None:
        """Return the hits in order."""
        found = self._process.search([texts for _, texts in batch])
        if found is None:
            return None
        return [Hit(batch[message].id, batch[message].texts[text], spans) for message, text, spans in found]


class WordsSearcher:
    """A search for all words of a query, or for any of them if the request has `match` "any"."""

    def __init__(self, request: Request) -> None:
        self._match = TextMatch(request.query, any_term=request.match == "any")

    def search(self, batch: list[Texts]) -> list[Hit] | None:
        """Return the hits in order."""
        joined = [(id, "\n".join(texts)) for id, texts in batch]
        return [Hit(id, text, []) for id, text in joined if self._match.score(text) is not None]


class Scan:
    """A scan from the cursor on, of the messages with an id above `after_id`."""

    def __init__(self, tx: Tx, request: Request, after_id: int = 0) -> None:
        self._tx = tx
        self._request = request
        self._after_id = after_id
        self._ascending = request.order == "oldest"
        newest = index.newest(tx)
        self._bound = newest
        self._start = request.position() or Cursor(request.kind, 0 if self._ascending else newest, request.offset)

    def run(self) -> Found:
        """Return what is found within the time."""
        if self._request.match == "substring":
            return self._run(SubstringSearcher(self._request.query))
        if self._request.match != "regex":
            return self._run(WordsSearcher(self._request))
        with RegexProcess(self._request.query) as process:
            return self._run(RegexSearcher(process))

    def _run(self, searcher: Searcher) -> Found:
        wanted = self._start.offset + self._request.limit
        end = time.monotonic() + SECONDS
        hits: list[Hit] = []
        searched = None
        for batch in self._batches():
            found = searcher.search(batch) if searched is None or time.monotonic() < end else None
            if found is None:
                if searched is None:
                    reason = f"the pattern takes longer than {CPU_SECONDS} s on one of the messages"
                    raise InvalidParams(reason, path="$.query")
                return self._page(hits, self._after(searched))
            hits += found
            searched = batch[-1].id
            if len(hits) > wanted:
                return self._page(hits[:wanted], self._after(hits[wanted - 1].id))
        return self._page(hits, None)

    def _after(self, id: int) -> Cursor:
        return Cursor(self._request.kind, id + 1 if self._ascending else max(id - 1, 0), 0)

    def _page(self, hits: list[Hit], following: Cursor | None) -> Found:
        shown = hits[self._start.offset :]
        by_id = {hit.id: hit for hit in shown}
        matches = [Match(hit.id, 1.0, self._matched(hit)) for hit in shown]
        if self._request.match == "substring":
            needle = re.compile(re.escape(fold(self._request.query)))
            found_by = [Finder(self._request.query, needle, needle)]
            shorten = snippets_of(found_by, self._request.marks)
        elif self._request.match != "regex":
            found_by = finders(parse(self._request.query))
            shorten = snippets_of(found_by, self._request.marks)
        else:
            found_by = []

            def shorten(_texts: list[str], match: Match) -> str:
                return _cut(by_id[match.id], self._request.marks)

        is_all = following is None and self._request.cursor is None and self._request.counted
        return Found(read_hits(self._tx, matches, shorten, found_by), len(hits) if is_all else None, following)

    def _matched(self, hit: Hit) -> tuple[str, ...]:
        if self._request.match == "substring":
            return (self._request.query,)
        return tuple(dict.fromkeys(hit.text[start:end] for start, end in hit.spans))

    def _batches(self) -> Iterator[list[Texts]]:
        batch: list[Texts] = []
        size = 0
        for texts in self._messages():
            batch.append(texts)
            size += sum(map(len, texts.texts))
            if len(batch) >= BATCH_MESSAGES or size > BATCH_CHARS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _messages(self) -> Iterator[Texts]:
        statement, values = _statement(self._request.filter, ascending=self._ascending)
        oldest = self._after_id + 1
        at = self._next_id(self._start.id, oldest)
        while at is not None:
            first, last = (at, at + WINDOW - 1) if self._ascending else (at - WINDOW + 1, at)
            first, last = max(first, oldest), min(last, self._bound)
            for id, parts, content in self._tx.run(statement, first=first, last=last, **values):
                yield Texts(id, own_texts(content.decode(errors="replace"), as_text(parts)))
            is_end = last == self._bound if self._ascending else first == oldest
            at = None if is_end else self._next_id(last + 1 if self._ascending else first - 1, oldest)

    def _next_id(self, at: int, oldest: int) -> int | None:
        """Return the first id from AT on, or None if there is none. Ids that another program wrote may be far apart."""
        if self._ascending:
            sql = "SELECT min(id) FROM messages WHERE id BETWEEN max(:at, :oldest) AND :bound"
        else:
            sql = "SELECT max(id) FROM messages WHERE id BETWEEN :oldest AND :at"
        found: int | None = self._tx.run(sql, at=at, oldest=oldest, bound=self._bound).fetchone()[0]
        return found


def _statement(filter: Filter, *, ascending: bool) -> tuple[str, dict[str, str]]:
    given = {name: value for name, value in filter._asdict().items() if name in _CONDITIONS and value is not None}
    tags = {f"tag{number}": value for number, value in enumerate(filter.session_tags)}
    conditions = [_CONDITIONS[name] for name in given] + [_TAGGED.format(number) for number in range(len(tags))]
    statement = f"""
        SELECT m.id, CAST(m.parts AS BLOB), CAST(m.content AS BLOB)
        FROM messages AS m
        LEFT JOIN sessions AS s ON s.id = m.session_id LEFT JOIN purges AS p ON p.session_id = m.session_id
        WHERE {" AND ".join(["m.id BETWEEN :first AND :last", "m.indexed", "m.state <> 'streaming'", *conditions])}
          AND m.id >= coalesce(p.before_id, 0)
        ORDER BY m.id {"" if ascending else "DESC"}
    """
    return statement, {**given, **tags}


def _cut(hit: Hit, marks: Marks) -> str:
    spans = [Span(start, end, 0) for start, end in hit.spans if start < end]
    return cut(hit.text, spans or [Span(0, 0, 0)], marks)
