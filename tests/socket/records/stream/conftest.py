"""A small limit for the text of a message, and the session in which it is streamed."""

import pytest

from segue.config import Config, DaemonConfig, Limits
from tests.socket.records.stream.calls import LIMIT
from tests.support.wire import Wire


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(content_bytes=LIMIT), daemon=DaemonConfig(durability="normal"))


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", id="s", working_dir="/here")["id"]
    return found
