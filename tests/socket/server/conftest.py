"""Fixtures of the tests of the server."""

import pytest

from tests.support.wire import Wire


@pytest.fixture
def session(wire: Wire) -> str:
    """Return the session `s`, which is empty."""
    wire.call("session.create", id="s")
    return "s"
