"""The search of messages, in each of its modes."""

import sqlite3
from collections.abc import Callable

from segue.models import SessionSummary
from segue.results import SearchPage
from segue.store.engine.tx import Tx
from segue.store.search import index, session_entries
from segue.store.search.any_search import AnySearch
from segue.store.search.request import Found, Request
from segue.store.search.scan import Scan
from segue.store.search.suggestions import suggest
from segue.store.search.text.query_parser import Term, parse
from segue.store.search.time_limit import TookTooLong, time_limit
from segue.store.search.word_search import WordSearch

__all__ = ["TookTooLong", "search"]

ReadSessions = Callable[[Tx, list[str]], list[SessionSummary]]
"""Returns the sessions with these ids."""


def search(
    tx: Tx, request: Request, seconds: float, read_sessions: ReadSessions, *, scans_rest: bool = False
) -> SearchPage:
    """Return one page of the hits.

    With `scans_rest`, the messages that the index lacks are scanned; otherwise the index must be up to date.

    Raises:
        IndexDamaged: the index cannot be read.
        TookTooLong: the search did not end within `seconds`.
        InvalidParams: the cursor belongs to another search.
    """
    if request.match in ("substring", "regex"):
        return _page(Scan(tx, request).run(), [], [])
    terms = parse(request.query)
    if not terms:
        return _page(Found([], 0 if request.counted else None, None), [], [])
    try:
        with time_limit(tx.connection, seconds):
            return _search(tx, terms, request, read_sessions, scans_rest)
    except sqlite3.DatabaseError as error:
        if index.is_damage(error):
            raise index.IndexDamaged("storage: the search index is damaged", reason="corrupt") from error
        raise


def _search(tx: Tx, terms: list[Term], request: Request, read_sessions: ReadSessions, scans_rest: bool) -> SearchPage:
    is_first_page = request.cursor is None and request.offset == 0
    run = _search_with_rest if scans_rest and is_first_page else _search_index
    found = run(tx, terms, request)
    if not is_first_page:
        return _page(found, [], [])
    sessions = read_sessions(tx, session_entries.find(tx, terms, request.filter))
    is_blank = request.match == "words" and not found.hits
    return _page(found, sessions, suggest(tx, terms, request) if is_blank else [])


def _search_index(tx: Tx, terms: list[Term], request: Request) -> Found:
    return (AnySearch if request.match == "any" else WordSearch)(tx, terms, request).run()


def _search_with_rest(tx: Tx, terms: list[Term], request: Request) -> Found:
    """Return the first page, with hits among the messages after those in the index before the others, as the newest.

    The scan ignores names of sessions: each message must hold the words itself.
    """
    rest = Scan(tx, request, after_id=index.progress(tx).upto).run()
    found = _search_index(tx, terms, request._replace(limit=max(request.limit - len(rest.hits), 1)))
    total = None if found.total is None or rest.total is None else found.total + rest.total
    if request.order != "oldest":
        return Found([*rest.hits, *found.hits][: request.limit], total, found.next)
    return Found([*found.hits, *([] if found.next else rest.hits)][: request.limit], total, found.next)


def _page(found: Found, sessions: list[SessionSummary], suggestions: list[str]) -> SearchPage:
    return SearchPage(
        hits=found.hits,
        total=found.total,
        sessions=sessions,
        suggestions=suggestions,
        next_cursor=None if found.next is None else found.next.text(),
    )
