"""The search as the user types: the query that is sent, what was found, and the way from hit to hit."""

import re
from typing import Any

from segue.results import SearchHit, SearchPage

MODES = ("words", "substring", "regex")
LIMIT = 50
QUICK_SECONDS, PAUSE_SECONDS = 0.03, 0.06
"""Seconds: in a mode that reads messages, a search starts after the second if the last one took longer than the first.

Words are searched for without a pause, because the daemon finds them in some milliseconds. A slow answer is then that
of a busy machine, which a pause makes slower still.
"""

PREFIX_CHARS = 3
"""Characters from which on the last word is searched as a prefix."""

OPERATORS = re.compile(r'["*\s]+')


class Search:
    """The state of one search. `generation` tells answers of an older query apart."""

    def __init__(self) -> None:
        self.query = ""
        self.mode = "words"
        self.generation = 0
        self.hits: list[SearchHit] = []
        self.suggestions: list[str] = []
        self.next_cursor: str | None = None
        self.error = ""
        self.is_answered = True
        self.shows_all_names = False
        self.seconds = 0.0

    def begin(self, query: str) -> int:
        """Set another query, and return its generation."""
        self.query = query
        self.shows_all_names = False
        self.generation += 1
        self.error = ""
        self.is_answered = not query.strip()
        if self.is_answered:
            self.hits, self.suggestions, self.next_cursor = [], [], None
        return self.generation

    @property
    def is_long_enough(self) -> bool:
        """Return True if the mode can search for the query."""
        return len(self.query.strip()) >= (PREFIX_CHARS if self.mode == "substring" else 1)

    @property
    def pause(self) -> float:
        """Return the seconds to wait for another key before the request is sent."""
        return 0.0 if self.mode == "words" or self.seconds < QUICK_SECONDS else PAUSE_SECONDS

    def params(self, cursor: str | None = None) -> dict[str, Any]:
        """Return the parameters of `message.search` without the filters."""
        query = self.query.strip()
        params: dict[str, Any] = {"query": query, "match": self.mode, "limit": LIMIT, "count": False}
        last = query.split()[-1]
        if self.mode == "words" and self.query[-1:].isalnum() and len(last) >= PREFIX_CHARS:
            params["query"] += "*"
            if len(last) == PREFIX_CHARS:
                params["order"] = "newest"  # Ranking all words with a short prefix takes twice as long
        return params if cursor is None else params | {"cursor": cursor}

    def add(self, page: SearchPage, generation: int, *, more: bool) -> bool:
        """Store a page that was found; False if it answers an older query."""
        if generation != self.generation:
            return False
        known = {hit.message_id for hit in self.hits} if more else set()
        fresh = [hit for hit in page.hits if hit.message_id not in known]
        self.hits = [*self.hits, *fresh] if more else fresh
        self.suggestions = page.suggestions
        self.next_cursor = page.next_cursor
        self.is_answered = True
        return True

    def groups(self) -> list[tuple[str, list[SearchHit]]]:
        """Return the hits by session, in the order of each session's first hit."""
        found: dict[str, list[SearchHit]] = {}
        for hit in self.hits:
            found.setdefault(hit.session_id, []).append(hit)
        return [*found.items()]

    def pattern(self, hit: SearchHit | None = None) -> re.Pattern[str] | None:
        """Return a pattern of what is marked in the conversation."""
        query = self.query.strip()
        if not query:
            return None
        if self.mode == "regex":  # Not the expression itself, because one can take minutes for a line
            words = [] if hit is None else hit.matched
        elif self.mode == "substring":
            words = [query]
        else:
            words = [word for word in OPERATORS.split(query) if word] + ([] if hit is None else hit.matched)
        alternatives = sorted({re.escape(word) for word in words if word}, key=len, reverse=True)
        return re.compile("|".join(alternatives), re.IGNORECASE) if alternatives else None
