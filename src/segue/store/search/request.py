"""A search request: the query, the filter and the page."""

import re
from typing import NamedTuple

from segue.errors import InvalidParams
from segue.models import MAX_INTEGER, MatchMode, SearchOrder
from segue.results import SearchHit
from segue.store.search.index_entries import IMPORTED, TagKind, tag
from segue.store.search.text.query_parser import parse
from segue.store.search.text.snippets import Marks

MAX_QUERY_CHARS = 256 * 1024
"""Characters: the longest query."""

MAX_QUERY_WORDS = 4096
"""Words of a query. SQLite takes about 35 KiB and 10 µs for each, even for a word that no message holds."""

MIN_SUBSTRING_CHARS = 3
MAX_PATTERN_CHARS = 1000

_CURSOR = re.compile(r"([a-z]+-[a-z]+)\.(\d{1,19})\.(\d{1,19})", re.ASCII)


class Filter(NamedTuple):
    """The messages to search; None admits every value. `since` is exclusive, `until` inclusive."""

    session_id: str | None = None
    working_dir: str | None = None
    bot_id: str | None = None
    role: str | None = None
    since: str | None = None
    until: str | None = None
    project: str | None = None
    source: str | None = None
    """A tool's name; the empty text admits only sessions that are not imported."""
    session_tags: tuple[str, ...] = ()

    def tags(self) -> list[str]:
        """Return the filter terms that the messages have."""
        given: list[tuple[TagKind, str | None]] = [
            ("s", self.session_id),
            ("d", self.working_dir),
            ("b", self.bot_id),
            ("r", self.role),
            ("p", self.project),
            ("o", self.source or None),
            *(("t", value) for value in self.session_tags),
        ]
        return [tag(kind, value) for kind, value in given if value is not None]

    def excluded(self) -> list[str]:
        """Return the filter terms that the messages do not have."""
        return [IMPORTED] if self.source == "" else []


class Cursor(NamedTuple):
    """The position where the next page begins; the meaning of the numbers is that of the kind."""

    kind: str
    id: int
    offset: int

    def text(self) -> str:
        """Return the cursor as the client receives it."""
        return f"{self.kind}.{self.id}.{self.offset}"


class Request(NamedTuple):
    """A search; `cursor` is its position, which replaces `offset`."""

    query: str
    filter: Filter = Filter()
    match: MatchMode = "words"
    order: SearchOrder = "best"
    limit: int = 20
    offset: int = 0
    cursor: str | None = None
    counted: bool = True
    marks: Marks = Marks()

    @property
    def kind(self) -> str:
        """Return the kind of the search's cursors."""
        return f"{self.match}-{self.order}"

    def position(self) -> Cursor | None:
        """Return the decoded cursor.

        Raises:
            InvalidParams: it is not a cursor of this kind of search.
        """
        if self.cursor is None:
            return None
        found = _CURSOR.fullmatch(self.cursor)
        if found is None or found[1] != self.kind or int(found[2]) > MAX_INTEGER:
            raise InvalidParams(f"not a cursor of a {self.kind} search; leave it out to begin again", path="$.cursor")
        return Cursor(found[1], int(found[2]), int(found[3]))


class Match(NamedTuple):
    """A message that was found, its score, and the words found in it."""

    id: int
    score: float
    matched: tuple[str, ...]


class Found(NamedTuple):
    """A page of hits, the number of all hits if it was counted, and where the next page begins."""

    hits: list[SearchHit]
    total: int | None
    next: Cursor | None


def check(request: Request) -> None:
    """Check the query.

    Raises:
        InvalidParams: it is longer than a search can process in time, or not valid for its match mode.
    """
    query = request.query
    request.position()
    if len(query) > MAX_QUERY_CHARS:
        raise InvalidParams(f"{len(query)} characters; at most {MAX_QUERY_CHARS} are searched", path="$.query")
    if request.match == "substring" and len(query) < MIN_SUBSTRING_CHARS:
        raise InvalidParams(f"a substring needs at least {MIN_SUBSTRING_CHARS} characters", path="$.query")
    if request.match == "regex":
        _check_pattern(query)
    elif request.match != "substring":
        words = sum(len(term.words) for term in parse(query))
        if words > MAX_QUERY_WORDS:
            raise InvalidParams(f"{words} words; at most {MAX_QUERY_WORDS} are searched", path="$.query")


def _check_pattern(pattern: str) -> None:
    if not 0 < len(pattern) <= MAX_PATTERN_CHARS:
        reason = f"a pattern of {len(pattern)} characters; it must have 1 to {MAX_PATTERN_CHARS}"
        raise InvalidParams(reason, path="$.query")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidParams(f"not a regular expression: {error}", path="$.query") from None
