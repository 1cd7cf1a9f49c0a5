"""A session with everything in it, fetched page by page."""

from collections.abc import Container, Iterator
from typing import Any

from msgspec import Struct

from segue.client import Client
from segue.runtime.progress import Progress


class Bundle(Struct, kw_only=True):
    """The result of `session.export` as plain JSON values."""

    session: dict[str, Any]
    messages: list[dict[str, Any]]
    summaries: list[dict[str, Any]]
    memories: list[dict[str, Any]]
    unindexed: list[int] = []
    extraction: dict[str, Any] | None = None
    activity: int = 0
    bot: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """Return what a document says of the session below its title, without what is not known."""
        facts = {
            "Session": self.session["id"],
            "Directory": self.session["working_dir"],
            "Model": self.session["model"],
            "Created": self.session["created_at"],
            "Messages": len(self.messages),
        }
        return {name: fact for name, fact in facts.items() if fact is not None}


class Rest(Struct, kw_only=True):
    """The content of a store besides its sessions: bots in their order, and memories of no session."""

    bots: list[dict[str, Any]] = []
    memories: list[dict[str, Any]] = []


def fetch(client: Client, session_id: str, progress: Progress | None = None) -> Bundle:
    """Return everything of a session; PROGRESS counts its messages.

    Raises:
        NotFound: there is no such session.
    """
    bundle: Bundle | None = None
    for page in _pages(client, session_id):
        if bundle is None:
            session = page["session"]
            bot = client.request("bot.get", {"bot_id": session["bot_id"]})
            bundle = Bundle(session=session, messages=[], summaries=[], memories=[], bot=bot)
            bundle.activity, bundle.extraction = page["activity"], page["extraction"]
        bundle.messages += page["messages"]
        if progress is not None:
            progress.add(len(page["messages"]))
        bundle.summaries += page["summaries"]
        bundle.memories += page["memories"]
        bundle.unindexed += page["unindexed"]
    if bundle is None:
        raise AssertionError("session.export gave no page")
    return bundle


def fetch_rest(client: Client, session_ids: Container[str]) -> Rest | None:
    """Return what the store has besides these sessions, None if it is nothing."""
    bots = _all(client, "bot.list", "bots", {})
    memories = [
        memory
        for bot in bots
        for memory in _all(client, "memory.list", "memories", {"bot_id": bot["id"], "include_superseded": True})
        if memory["session_id"] not in session_ids
    ]
    if len(bots) == 1 and not memories:
        return None
    return Rest(bots=bots, memories=sorted(memories, key=lambda memory: memory["id"]))


def _all(client: Client, method: str, member: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = client.request(method, {**params, "limit": 1000, "offset": len(found)})
        found += page[member]
        if len(found) >= page["total"] or not page[member]:
            return found


def _pages(client: Client, session_id: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = client.request("session.export", {"session_id": session_id, "cursor": cursor})
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return
