"""Short forms for the tests of search."""

from typing import Any

from tests.support.wire import Wire


def append(wire: Wire, session: str, content: str, **more: Any) -> int:
    request = {"session_id": session, "role": "user", "content": content, **more}
    return int(wire.call("message.append", **request)["message_id"])


def find(wire: Wire, query: str, **more: Any) -> list[int]:
    """Return the ids of the hits, which must be as many as the total."""
    page = wire.call("message.search", **{"query": query, "limit": 200, **more})
    assert page["total"] == len(page["hits"])
    return [hit["message_id"] for hit in page["hits"]]


def snippet(wire: Wire, query: str, **more: Any) -> str:
    (hit,) = wire.call("message.search", query=query, **more)["hits"]
    shown: str = hit["snippet"]
    return shown.replace("\ue000", "[").replace("\ue001", "]")
