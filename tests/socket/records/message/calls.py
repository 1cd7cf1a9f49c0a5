"""Short forms for the tests of messages."""

from typing import Any

from tests.support.wire import Wire


def append(wire: Wire, session: str, content: str = "x", role: str = "user", **more: Any) -> Any:
    return wire.call("message.append", session_id=session, role=role, content=content, **more)


def contents(page: dict[str, Any]) -> list[str]:
    return [message["content"] for message in page["messages"]]
