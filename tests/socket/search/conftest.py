"""What the tests of search share."""

import pytest

from tests.support.wire import Wire

HERE = "/srv/here"


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", working_dir=HERE, name="plain")["id"]
    return found
