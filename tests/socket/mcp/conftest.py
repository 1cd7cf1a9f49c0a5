from collections.abc import Iterator

import pytest

from tests.socket.mcp.agent import Agent
from tests.support.inprocess import Server


@pytest.fixture
def agent(server: Server) -> Iterator[Agent]:
    """Yield an agent with the history of `server`."""
    agent = Agent(server)
    yield agent
    agent.daemon.close()
