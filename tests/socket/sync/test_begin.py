"""What clients do in the moment in which sync begins."""

from pathlib import Path
from typing import Any

import pytest

from segue.store.records import sessions
from segue.store.store import Store
from segue.sync import starting
from tests.socket.sync.conftest import Machine


def test_a_session_that_is_created_while_sync_begins_reaches_the_other_machine(
    desk: Machine, lap: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_mark = starting.record_mark
    created: list[Any] = []

    async def create_session(store: Store, database: Path) -> None:
        if not created:
            created.append(await store.write(sessions.create, bot_id="default", name="in the moment"))
        await record_mark(store, database)

    monkeypatch.setattr(starting, "record_mark", create_session)
    invitation = desk.wire.call("sync.init", url=str(tmp_path / "hub"), name="desk")["invitation"]
    id = created[0].id
    desk.say(id, "first text")
    desk.sync()
    lap.wire.call("sync.join", url=str(tmp_path / "hub"), invitation=invitation, name="lap")
    lap.sync()
    assert lap.texts(id) == ["first text"]
