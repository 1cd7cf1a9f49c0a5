"""When sync runs again: after an error, such as a hub that is away, and when the hub is there."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from segue.config import Config, SyncConfig
from segue.server.jobs.sync import SyncJob
from tests.support.wire import TIMEOUT_SECONDS

INTERVAL = 30.0


class Pauses:
    """A job of sync whose rounds fail, and the seconds that it slept since the last change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store: Any = SimpleNamespace(on_commit=self._keep)
        paths: Any = SimpleNamespace(
            database=Path("sessions.db"), config=Config(sync=SyncConfig(interval_seconds=INTERVAL))
        )
        jobs: Any = None
        self.slept: list[float] = []
        self.job = SyncJob(store, paths, jobs, lambda: None)
        self.job.is_on = True
        monkeypatch.setattr(anyio, "sleep", self._sleep)

    def _keep(self, listener: Any) -> None:
        self.note = listener

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_change_shortens_the_pause_after_an_error_to_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses(monkeypatch)
    pauses.note([])
    with anyio.fail_after(TIMEOUT_SECONDS):
        await pauses.job._wait(900.0)
    assert pauses.slept == [INTERVAL]


async def test_a_machine_that_is_not_used_waits_for_the_whole_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses(monkeypatch)
    with anyio.move_on_after(0.2) as waited:
        await pauses.job._wait(900.0)
    assert waited.cancelled_caught
    assert pauses.slept == []


async def test_the_first_pause_is_no_longer_than_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = Pauses(monkeypatch)
    with anyio.fail_after(TIMEOUT_SECONDS):
        await pauses.job._wait(INTERVAL)
    assert pauses.slept == [INTERVAL]


class Hub:
    """A hub that cannot say what was pushed before a connection, so the first wait of each ends immediately."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self._waited = False

    async def open(self) -> "Hub":
        self.opened += 1
        return self

    async def wait(self, _seconds: float) -> None:
        if self._waited:
            await anyio.Event().wait()
        self._waited = True

    async def close(self) -> None:
        self.closed += 1


async def test_a_machine_that_has_nothing_new_waits_on_the_connection_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, hub = Pauses(monkeypatch).job, Hub()
    monkeypatch.setattr(job._rounds, "open", hub.open)
    with anyio.fail_after(TIMEOUT_SECONDS):
        await job._wait(0)
    with anyio.move_on_after(0.2) as waited:
        await job._wait(0)
    assert waited.cancelled_caught
    assert (hub.opened, hub.closed) == (1, 0)
