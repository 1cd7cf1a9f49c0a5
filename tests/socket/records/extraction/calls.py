"""Short forms for the tests of extractions."""

from typing import Any

from tests.support.clock import DAY
from tests.support.inprocess import Server
from tests.support.wire import Wire


def enqueue(wire: Wire, **members: Any) -> Any:
    """Return the entry of a new session."""
    session = wire.call("session.create", **members)["id"]
    return wire.call("extraction.enqueue", session_id=session)


def claim(wire: Wire, **params: Any) -> list[Any]:
    found: list[Any] = wire.call("extraction.claim", **params)["extractions"]
    return found


def queue(wire: Wire, **params: Any) -> list[Any]:
    found: list[Any] = wire.call("extraction.list", limit=1000, **params)["extractions"]
    return found


def fail(wire: Wire, entry: dict[str, Any], error: str = "e") -> Any:
    return wire.call("extraction.fail", extraction_id=entry["id"], error=error)


def exhaust(server: Server, wire: Wire, entry: dict[str, Any]) -> Any:
    """Return the entry after its third failure."""
    for attempt in range(3):
        server.clock.pass_time(DAY)
        entry = fail(wire, entry, f"error {attempt + 1}")
    return entry


def draft(fact: str = "f", **more: Any) -> dict[str, Any]:
    return {"fact": fact, "category": "fact", "importance": 3, **more}
