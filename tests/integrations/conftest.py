"""A real daemon, and this process as a client that finds it as every other program does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.integrations.daemon import disconnect
from tests.support.process import Segued
from tests.support.wire import Wire


@pytest.fixture
def served(segued: Segued, monkeypatch: pytest.MonkeyPatch) -> Iterator[Segued]:
    """Return a daemon that the adapters of this process find through the environment."""
    for name in ("SEGUE_SOCKET", "SEGUE_DATABASE", "SEGUE_CONFIG"):
        monkeypatch.setenv(name, segued.environment[name])
    segued.start()
    yield segued
    disconnect()


@pytest.fixture
def socket(served: Segued) -> Path:
    return served.socket


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def wire_of_served(served: Segued) -> Wire:
    return served.connect()
