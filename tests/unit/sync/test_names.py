"""A session's name that was generated from a message, which another machine changes."""

from pathlib import Path
from random import Random

from segue.models import Draft
from segue.store.records import append, session_update, sessions
from segue.store.records.append import prepare
from segue.store.records.message import edit
from segue.store.records.session_identity import name_from
from segue.sync.keys import new_key
from segue.sync.transports.folder import FolderTransport
from tests.support.clock import START_MS
from tests.support.sync.compare import snapshot
from tests.support.sync.machine import Machine


async def test_a_name_with_the_old_text_that_comes_after_the_change_is_the_same_everywhere(tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "hub").mkdir()
    desk, lap = [Machine(name, tmp_path / name, lambda: START_MS, Random(1)) for name in ("desk", "lap")]
    for machine in (desk, lap):
        machine.create(key)
        machine.home = desk.home

    async def sync() -> None:
        for machine in (desk, lap) * 4:
            await machine.sync(lambda key, names: FolderTransport(tmp_path / "hub", key.account, names))

    id = desk.do(sessions.create, bot_id="default", name="given").id
    message = desk.do(append.append, id, prepare(Draft(role="user", content="old"), 10**6)).message_id
    await sync()
    desk.do(session_update.update, id, {"name": name_from("old", START_MS)})
    lap.do(edit.update, message, {"content": "new"})
    await sync()
    assert snapshot(desk) == snapshot(lap)
    assert lap.read(sessions.get, id).name == name_from("new", START_MS)
    for machine in (desk, lap):
        machine.store.close()
