"""What the tests of several nouns share."""

import pytest

from tests.support.wire import Wire

HERE = "/srv/here"


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", working_dir=HERE)["id"]
    return found
