"""A session with everything in it, fetched page by page."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from segue.client import Client


class Bundle(Struct, kw_only=True):
    """What `session.export` gives, as plain JSON values."""

    session: dict[str, Any]
    messages: list[dict[str, Any]]
    summaries: list[dict[str, Any]]
    memories: list[dict[str, Any]]

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


def fetch(client: Client, session_id: str) -> Bundle:
    """Return everything of a session.

    Raises:
        NotFound: there is no such session.
    """
    bundle: Bundle | None = None
    for page in _pages(client, session_id):
        if bundle is None:
            bundle = Bundle(session=page["session"], messages=[], summaries=[], memories=[])
        bundle.messages += page["messages"]
        bundle.summaries += page["summaries"]
        bundle.memories += page["memories"]
    if bundle is None:
        raise AssertionError("session.export gave no page")
    return bundle


def _pages(client: Client, session_id: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = client.request("session.export", {"session_id": session_id, "cursor": cursor})
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return
