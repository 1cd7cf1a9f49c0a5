"""Fixtures: an open store, its writer connection and the clock of its limits."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from segue.store.engine.inline_limit import InlineCommitLimit
from segue.store.engine.metrics import StoreMetrics
from segue.store.store import Store, open_store
from tests.socket.store.harness import WriterProbe, clock, worker_threads
from tests.support.clock import HandClock
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.db"


@pytest.fixture(autouse=True)
def timer(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    """Return the clock by which the store decides what it runs inline: a machine that stalls must not change that."""
    timer = HandClock()
    monkeypatch.setattr("segue.store.store.StoreMetrics", lambda: StoreMetrics(timer.monotonic))
    return timer


@pytest.fixture
def writer() -> WriterProbe:
    return WriterProbe()


@pytest.fixture
async def store(path: Path, writer: WriterProbe) -> AsyncIterator[Store]:
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with open_store(path, clock=clock, writer_factory=writer) as store:
            yield store
    assert worker_threads() == 0


@pytest.fixture(params=["writer thread", "inline", "inline with its commit"])
def inline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the writes are marked inline, without and with the commit on the loop's thread."""
    if request.param == "inline with its commit":
        monkeypatch.setattr(InlineCommitLimit, "allows", lambda self: True)
    return bool(request.param != "writer thread")
