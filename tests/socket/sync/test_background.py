"""Rounds that begin without a request."""

from pathlib import Path
from typing import Any

import pytest

from segue.config import Config, SyncConfig
from segue.models import Draft
from segue.server.jobs import sync
from segue.store.records import append
from segue.store.records.append import prepare
from segue.store.store import Store
from segue.sync import starting
from tests.socket.sync.conftest import Machine
from tests.support.deadline import wait_until


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a configuration in which only changes begin a round, immediately."""
    monkeypatch.setattr(sync, "QUIET_SECONDS", 0.0)
    return Config(sync=SyncConfig(interval_seconds=1_000_000))


def test_a_change_begins_a_round(desk: Machine, tmp_path: Path) -> None:
    desk.wire.call("sync.init", url=str(tmp_path / "hub"), name="desk")
    desk.say(desk.wire.call("session.create")["id"], "text")
    wait_until(lambda: is_sent(desk))


def test_a_change_at_the_end_of_a_round_begins_another_one(
    desk: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = desk.wire.call("session.create")["id"]
    desk.wire.call("sync.init", url=str(tmp_path / "hub"), name="desk")
    wait_until(lambda: is_sent(desk))
    record_mark = starting.record_mark
    said: list[Any] = []

    async def say(store: Store, database: Path) -> None:
        await record_mark(store, database)
        if not said:  # All is sent, and the round still holds its lock.
            said.append(await store.write(append.append, id, prepare(Draft(role="user", content="late"), 10**6)))

    monkeypatch.setattr(starting, "record_mark", say)
    assert desk.sync()["problems"] == []
    assert said
    wait_until(lambda: is_sent(desk))


def is_sent(machine: Machine) -> bool:
    """Return True if the hub has everything of this machine."""
    status = machine.wire.call("sync.status")
    return (status["unsent_messages"], status["unsent_changes"]) == (0, 0) and status["synced_at"] is not None
