"""Everything that one machine's methods read, by names that are the same on all machines."""

from collections.abc import Iterator
from typing import Any

from tests.support.process import Segued
from tests.support.wire import Wire

LOCAL = ("id", "machine", "parent_id", "session_id", "message_id", "preview")
"""Members that differ between machines: ids of rows, where something came from, as seen from here, and the preview,
which is of the message that arrived first."""

PAGE = 1000


def read_all(segued: Segued, words: list[str]) -> dict[str, Any]:
    """Return the results of all methods that read. WORDS are looked for with `message.search`."""
    with Wire(segued.socket, timeout=120) as wire:
        numbers, rows = _sessions(wire)
        home = str(segued.folder)
        stats = wire.call("session.stats", group_by="day")
        return {
            "sessions": {
                number: {"row": _plain(rows[id], home), **_session(wire, id, home)} for id, number in numbers.items()
            },
            "memories": sorted(map(str, _memories(wire))),
            "bots": [*_bots(wire)],
            "stats": stats,
            "search": {word: _search(wire, word, numbers) for word in words},
            "messages": sorted(one["content"] for one in _pages(wire, "message.list", "messages")),
        }


def texts_of(read: dict[str, Any]) -> set[str]:
    """Return the content of all messages."""
    return {message["content"] for session in read["sessions"].values() for message in session["messages"]}


def _plain(found: dict[str, Any], home: str) -> dict[str, Any]:
    """Return the members that all machines have, with directories below the home as such."""
    return {
        name: value.replace(home, "~") if isinstance(value, str) else value
        for name, value in found.items()
        if name not in LOCAL
    }


def _sessions(wire: Wire) -> tuple[dict[str, str], dict[str, Any]]:
    rows = {one["id"]: one for one in _pages(wire, "session.list", "sessions", archived=None)}
    return {id: wire.call("session.get", session_id=id)["metadata"]["number"] for id in rows}, rows


def _pages(wire: Wire, method: str, member: str, **params: Any) -> Iterator[dict[str, Any]]:
    offset = 0
    while page := wire.call(method, limit=PAGE, offset=offset, **params)[member]:
        yield from page
        offset += len(page)


def _session(wire: Wire, id: str, home: str) -> dict[str, Any]:
    found = [*_pages(wire, "message.list", "messages", session_id=id)]
    summary = wire.call("summary.latest", session_id=id)
    built = wire.call("context.build", session_id=id, memory_limit=0)
    return {
        "session": _plain(wire.call("session.get", session_id=id), home),
        "messages": [_plain(one, home) for one in found],
        "last": [_plain(wire.call("message.get", message_id=one["id"]), home) for one in found[-1:]],
        "count": wire.call("message.count", session_id=id),
        "summary": summary and summary["summary"],
        "context": [one["content"] for one in built["messages"]],
        "tokens": built["token_count"],
    }


def _memories(wire: Wire) -> Iterator[tuple[Any, ...]]:
    facts = {}
    rows = [*_pages(wire, "memory.list", "memories", bot_id="default", include_superseded=True)]
    for one in rows:
        facts[one["id"]] = one["fact"]
    for one in rows:
        assert wire.call("memory.get", memory_id=one["id"])["fact"] == one["fact"]
        yield one["fact"], one["importance"], one["created_at"], facts.get(one["superseded_by"])


def _bots(wire: Wire) -> Iterator[dict[str, Any]]:
    for one in wire.call("bot.list")["bots"]:
        assert wire.call("bot.get", bot_id=one["id"]) == one
        if one["id"] == "default":  # Each machine made its own, before it joined.
            one.pop("created_at")
        yield one


def _search(wire: Wire, word: str, numbers: dict[str, str]) -> list[tuple[str, str, str]]:
    hits = wire.call("message.search", query=word)["hits"]
    return sorted((numbers[one["session_id"]], one["role"], one["snippet"]) for one in hits)
