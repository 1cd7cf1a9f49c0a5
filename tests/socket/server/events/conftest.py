from typing import Any

import pytest

from segue.config import Config, Limits
from tests.support.inprocess import Server
from tests.support.wire import Wire

HERE = "/srv/here"


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(event_backlog=50, event_backlog_bytes=100_000, clients=10))


@pytest.fixture
def follower(server: Server) -> Wire:
    """Return a connection that subscribes to all events."""
    wire = server.connect()
    wire.call("events.subscribe")
    return wire


@pytest.fixture
def session(wire: Wire) -> str:
    """Return a session that was created before any subscription."""
    found: str = wire.call("session.create", working_dir=HERE)["id"]
    return found


def append(wire: Wire, session: str, content: str = "x", role: str = "assistant", **more: Any) -> Any:
    return wire.call("message.append", session_id=session, role=role, content=content, **more)
