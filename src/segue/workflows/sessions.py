"""Find the session that a user means: by ID, part of an ID, position, or name.

The forms are tried in this order, and the first that matches decides:

1. `-` is the most recent session other than the current one; `@1` is the first row of the newest list.
2. The whole ID.
3. The start or the end of an ID.
4. The whole name of a session that is not completed, in any case, with or without a generated date.
5. Words of such a name, in any order. The generated date has none, because a number such as 1 would match it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from segue.errors import InvalidParams, NotFound
from segue.models import Session, SessionSummary
from segue.results import Resolution, SessionPage
from segue.workflows.labels import GENERATED_DATE

R = TypeVar("R")

NULL: Any = object()
"""A parameter that is sent as null; None leaves a parameter out."""

PAGE = 1000
"""Sessions: the size of one request. It is the largest that the daemon accepts."""

CANDIDATES = 20
"""Sessions: how many an ambiguity keeps, for an error message."""

PART_OF_ID = re.compile(r"[\w.:-]{2,}", re.ASCII)
"""Text that can be the end of an ID. The search for it reads all sessions."""


class Caller(Protocol):
    """A client that calls methods by name."""

    def call(self, name: str, kind: type[R], /, **params: Any) -> R:
        """Call a method and return its result as a value of `kind`."""
        ...


class AmbiguousSession(Exception):
    """Several sessions match the text."""

    def __init__(self, given: str, sessions: Sequence[SessionSummary]) -> None:
        count = f"{len(sessions)}" if len(sessions) < CANDIDATES else f"{CANDIDATES} or more"
        super().__init__(f"{count} sessions match {given!r}")
        self.given = given
        self.sessions = sessions


def find_session(client: Caller, given: str, place: Mapping[str, str] | None = None) -> Session:
    """Return the session that the text names. `place` is the place whose current session `-` leaves out.

    Raises:
        NotFound: No session matches.
        AmbiguousSession: Several sessions match.
    """
    if not given:
        raise NotFound("session", given)
    if given == "-" or re.fullmatch(r"@[1-9]\d{0,8}", given, re.ASCII):
        return _get(client, _by_position(client, given, place))
    try:
        return client.call("session.get", Session, session_id=given)
    except (NotFound, InvalidParams):
        pass
    for matches in _candidates(client, given):
        if len(matches) > 1:
            raise AmbiguousSession(given, matches)
        if matches:
            return _get(client, matches[0].id)
    raise NotFound("session", given)


def resolve(client: Caller, place: Mapping[str, str], bot: str | None = None) -> Resolution:
    """Return what the place continues, without creating a session.

    A repository without a session of its own takes over the session that the directory continues by the plain rule.
    Older versions and programs that send only a directory make such sessions.
    """
    found = client.call("session.resolve", Resolution, **place, bot_id=bot, create=False)
    if found.reason != "none" or found.others or place.get("scope") != "project":
        return found
    plain = {"working_dir": place["working_dir"], "bot_id": bot, "create": False}
    left = client.call("session.resolve", Resolution, **plain).session
    if left is None or left.project is not None:
        return found
    client.call("session.update", Session, session_id=left.id, project=place["project"])
    return client.call("session.resolve", Resolution, **place, bot_id=bot, create=False)


def nothing_to_continue(found: Resolution) -> str:
    """Return why the place continues no session, and what to run."""
    if found.previous is None and found.others:
        return "no session in this terminal yet; `segue list --here` shows those of other terminals"
    if found.previous is None:
        return "no session here yet; start one with: segue new"
    why = "was ended" if found.reason == "ended" else "is too old to continue automatically"
    return f"no session to continue here: {found.previous} {why}; continue it with: segue resume {found.previous}"


def _by_position(client: Caller, given: str, place: Mapping[str, str] | None) -> str:
    if given == "-":
        current = resolve(client, place).session if place is not None else None
        newest = client.call("session.list", SessionPage, limit=2, preview_chars=0).sessions
        rows = [session for session in newest if current is None or session.id != current.id]
    else:
        rows = client.call("session.list", SessionPage, limit=1, offset=int(given[1:]) - 1, preview_chars=0).sessions
    if not rows:
        raise NotFound("session", given)
    return rows[0].id


def _candidates(client: Caller, given: str) -> Iterator[list[SessionSummary]]:
    if not re.search(r"[\x00-\x1f\x7f]", given) and len(given) <= 128:
        prefixed = client.call(
            "session.list", SessionPage, id_prefix=given, limit=CANDIDATES, preview_chars=0, archived=NULL
        )
        if prefixed.sessions or not PART_OF_ID.fullmatch(given):
            yield prefixed.sessions
        else:
            yield [session for session in _all(client, archived=NULL) if session.id.endswith(given)][:CANDIDATES]
    words = given.casefold().split()
    if not words:
        return
    named = [
        (session, (session.name or "").casefold())
        for session in _all(client, name_contains=max(words, key=len)[:255])
        if session.status != "completed"
    ]
    yield [session for session, name in named if given.casefold() in (name, re.sub(GENERATED_DATE, "", name))]
    yield [session for session, name in named if _has_words(re.sub(GENERATED_DATE, "", name), words)][:CANDIDATES]


def _has_words(name: str, words: list[str]) -> bool:
    """Return True if each word is the start of a word of the folded name."""
    return all(re.search(rf"(?<!\w){re.escape(word)}", name) for word in words)


def _all(client: Caller, **filters: Any) -> Iterator[SessionSummary]:
    offset = 0
    while True:
        page = client.call("session.list", SessionPage, limit=PAGE, offset=offset, preview_chars=0, **filters)
        yield from page.sessions
        offset += len(page.sessions)
        if not page.sessions or offset >= page.total:
            return


def _get(client: Caller, session_id: str) -> Session:
    return client.call("session.get", Session, session_id=session_id)
