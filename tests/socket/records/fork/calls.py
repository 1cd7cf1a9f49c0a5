"""Short forms for the tests of forks."""

from typing import Any

from tests.support.wire import Wire


def append(wire: Wire, session: str, content: str = "x", role: str = "user", **more: Any) -> int:
    found: int = wire.call("message.append", session_id=session, role=role, content=content, **more)["message_id"]
    return found


def messages(wire: Wire, session: str) -> list[Any]:
    found: list[Any] = wire.call("message.list", session_id=session)["messages"]
    return found


def fork(wire: Wire, session: str, **params: Any) -> Any:
    return wire.call("session.fork", session_id=session, **params)
