"""What a machine refuses of a hub, whatever the hub is: nothing of it is applied, and the person learns which it is."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from segue.errors import Conflict
from segue.store.sync.wire import Contents
from segue.sync.keys import Key, new_key, parse_line
from segue.sync.sealing import seal
from segue.sync.transports.hub import open_hub
from segue.sync.transports.transport import Batch, Pushed
from tests.socket.sync.conftest import Machine
from tests.socket.sync.transports.conftest import HUBS
from tests.support.system.s3 import CREDENTIALS, Store


@pytest.fixture(params=HUBS)
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of each hub in turn, for the daemons of the test."""
    if request.param == "folder":
        return str(tmp_path / "hub")
    if request.param == "s3":
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        store: Store = request.getfixturevalue("store")
        return f"s3://hubs/refusals?endpoint=http://127.0.0.1:{store.port}"
    request.getfixturevalue("postgres_network")
    urls: Mapping[str, str] = request.getfixturevalue("urls")
    return urls[request.param]


class Shared(NamedTuple):
    """Two machines of an account. The test carries batches from the desk's own folder to the hub of the lap.

    So the lap never sees a batch before the hub has changed it, whenever its rounds run.
    """

    desk: Machine
    lap: Machine
    url: str
    key: Key
    session: str
    folder: Path

    def say(self, text: str) -> Batch:
        """Have the desk say a text, and return the batch that holds it."""
        self.desk.say(self.session, text)
        return self.publish()

    def publish(self) -> Batch:
        """Have the desk publish what changed, and return its newest batch."""
        assert self.desk.sync()["problems"] == []
        return anyio.run(batches_at, str(self.folder), self.key)[-1]

    def carry(self, batch: Batch) -> Batch:
        """Have the hub store a batch as it is."""
        assert anyio.run(stored_at, self.url, self.key, batch) is Pushed.STORED
        return batch

    def replace(self, old: Batch, new: Batch) -> None:
        """Have the hub return another batch under the name of an old one."""
        assert anyio.run(replaced_at, self.url, self.key, old, new)


async def batches_at(url: str, key: Key, machine: str | None = None, after: int = 0) -> list[Batch]:
    """Return the batches of a machine at a hub, of the only one if none is given."""
    transport = open_hub(url, key, ())
    try:
        machine = machine or next(iter(await transport.heads()))
        return [one async for one in transport.pull(machine, after)]
    finally:
        await transport.close()


async def stored_at(url: str, key: Key, batch: Batch) -> Pushed:
    transport = open_hub(url, key, [batch.machine])
    try:
        return await transport.push(batch)
    finally:
        await transport.close()


async def replaced_at(url: str, key: Key, old: Batch, new: Batch) -> bool:
    transport = open_hub(url, key, [new.machine])
    try:
        return await transport.replace(new, old.token)
    finally:
        await transport.close()


@pytest.fixture
def shared(url: str, tmp_path: Path, desk: Machine, lap: Machine) -> Shared:
    own = tmp_path / "own"
    invitation = desk.wire.call("sync.init", url=str(own), name="desk")["invitation"]
    session = desk.wire.call("session.create", name="shared")["id"]
    if url.startswith("/"):
        Path(url).mkdir()
    found = Shared(desk, lap, url, parse_line(invitation), session, own)
    found.carry(found.publish())
    lap.wire.call("sync.join", url=url, invitation=invitation, name="lap")
    lap.sync()
    return found


def flipped(_shared: Shared, _first: Batch, second: Batch) -> bytes:
    return second.body[:-1] + bytes([second.body[-1] ^ 1])


def truncated(_shared: Shared, _first: Batch, second: Batch) -> bytes:
    return second.body[:-5]


def swapped(_shared: Shared, first: Batch, _second: Batch) -> bytes:
    return first.body


def junk(_shared: Shared, _first: Batch, second: Batch) -> bytes:
    return b"\0" * len(second.body)


def sealed_with_another_key(_shared: Shared, _first: Batch, second: Batch) -> bytes:
    return seal(new_key(), second.machine, second.number, Contents(1, 1, "desk", {}, [])).body


def of_another_machine(shared: Shared, _first: Batch, second: Batch) -> bytes:
    return seal(shared.key, "ab" * 16, second.number, Contents(1, 1, "desk", {}, [])).body


CHANGES: list[Callable[[Shared, Batch, Batch], bytes]] = [
    flipped, truncated, swapped, junk, sealed_with_another_key, of_another_machine,
]  # fmt: skip


def test_a_changed_batch_is_refused_and_told_and_the_true_one_is_applied_afterwards(shared: Shared) -> None:
    texts: list[str] = []
    for change in CHANGES:
        first = shared.carry(shared.say(f"{change.__name__} 1"))
        second = shared.say(f"{change.__name__} 2")
        changed = shared.carry(second._replace(body=change(shared, first, second), token=os.urandom(16)))
        [problem] = shared.lap.sync()["problems"]
        assert f"batch {second.number} of desk is refused" in problem, change.__name__
        assert shared.lap.wire.call("sync.status")["problems"] == [problem]
        texts.append(f"{change.__name__} 1")
        assert shared.lap.texts(shared.session) == texts
        shared.replace(changed, second)
        assert shared.lap.sync()["problems"] == []
        texts.append(f"{change.__name__} 2")
        assert shared.lap.texts(shared.session) == texts


def test_a_batch_that_is_replayed_under_the_next_number_is_refused(shared: Shared) -> None:
    newest = shared.carry(shared.say("once"))
    shared.carry(newest._replace(number=newest.number + 1, token=os.urandom(16)))
    [problem] = shared.lap.sync()["problems"]
    assert f"batch {newest.number + 1} of desk is refused" in problem
    assert shared.lap.texts(shared.session) == ["once"]


def test_a_deleted_text_that_the_hub_returns_in_an_old_batch_is_not_shown(shared: Shared) -> None:
    old = shared.carry(shared.say("deleted text"))
    message = shared.desk.wire.call("message.list", session_id=shared.session)["messages"][0]["id"]
    shared.desk.wire.call("message.delete", session_id=shared.session, message_ids=[message])
    shared.say("kept text")
    for batch in anyio.run(batches_at, str(shared.folder), shared.key, old.machine, old.number):
        shared.carry(batch)
    shared.lap.sync()
    assert shared.lap.texts(shared.session) == ["kept text"]
    [now, *_] = anyio.run(batches_at, shared.url, shared.key, old.machine, old.number - 1)
    shared.replace(now, old)
    shared.lap.wire.call("sync.leave")
    shared.lap.wire.call("sync.join", url=shared.url, invitation=shared.key.to_line(), name="again")
    shared.lap.sync()
    assert shared.lap.texts(shared.session) == ["kept text"]
    assert shared.lap.wire.call("message.search", query="deleted")["hits"] == []


def test_an_invitation_of_another_account_cannot_join_and_changes_nothing(shared: Shared) -> None:
    before = shared.carry(shared.say("text"))
    shared.lap.wire.call("sync.leave")
    with pytest.raises(Conflict, match="no machine wrote to") as caught:
        shared.lap.wire.call("sync.join", url=shared.url, invitation=new_key().to_line())
    assert caught.value.data["reason"] == "account"
    assert anyio.run(batches_at, shared.url, shared.key, before.machine)[-1] == before
    assert not shared.lap.server.database.with_name("sync.key").exists()
