"""A directory that is copied while a message is being streamed: both copies may continue the message."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import anyio
from msgspec import UNSET

from segue.models import Draft
from segue.store.records import append, retention, sessions, summaries
from segue.store.records.append import prepare
from segue.store.records.message import stream
from segue.store.records.retention import ExpiredSession
from segue.store.sync import machines
from segue.store.sync.homes import Home
from segue.sync.keys import new_key
from segue.sync.transports.folder import FolderTransport
from tests.support.clock import START_MS
from tests.support.sync.actions import sessions_of, texts_in
from tests.support.sync.compare import snapshot
from tests.support.sync.machine import Machine
from tests.support.sync.world import Dangers
from tests.unit.sync.test_histories import run_history


class Copies:
    """A machine with a session in which a reply is being streamed, and a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = new_key()
        self.machine = self._machine("m")
        self.machine.create(self.key)
        self.session = self.machine.do(sessions.create, bot_id="default", name="one").id
        self.machine.do(append.append, self.session, prepare(Draft(role="user", content="asked"), 10**6))
        begun = prepare(Draft(role="assistant", content="beg"), 10**6, state="streaming")
        self.reply = self.machine.do(stream.begin, self.session, begun, append.DEFAULTS).appended.message_id
        (folder / "hub").mkdir()

    def _machine(self, name: str) -> Machine:
        machine = Machine(name, self.folder / name, lambda: START_MS, Random(1))
        machine.home = Home("/home/m")
        return machine

    async def copy(self) -> Machine:
        """Copy the directory, and start the copy."""
        copy = self._machine("copy")
        self.machine.copy_files(copy.folder)
        await copy.start()
        return copy

    async def sync(self, *found: Machine) -> None:
        """Bring all up to date."""
        for machine in (*found, *found):
            await machine.sync(lambda key, names: FolderTransport(self.folder / "hub", key.account, names))

    def texts(self, machine: Machine) -> list[str]:
        return [text for id in sessions_of(machine) for text in texts_in(machine, id).values()]


async def test_the_end_of_a_stream_survives_an_expiry_on_a_copy_that_had_only_its_begin(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    await copies.sync(copies.machine)
    copy = await copies.copy()
    copies.machine.do(stream.finish, copies.reply, "un and ended", {})
    sql = "SELECT activity, retention_days FROM sessions WHERE id = ?"
    activity, days = copy.store.connection.execute(sql, (copies.session,)).fetchone()
    assert copy.do(retention.delete_if_unused, ExpiredSession(copies.session, activity, days, 0))
    await copies.sync(copy, copies.machine)
    assert copies.texts(copies.machine) == ["begun and ended"]
    assert copies.texts(copy) == ["begun and ended"]
    assert snapshot(copy) == snapshot(copies.machine)
    for machine in (copy, copies.machine):
        machine.store.close()


async def test_what_a_copy_has_of_a_stream_is_a_message_of_its_own(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    copies.machine.do(summaries.save, copies.session, "all so far", copies.reply - 1, copies.reply, 3)
    await copies.sync(copies.machine)
    copy = await copies.copy()
    copies.machine.do(stream.finish, copies.reply, "un and ended", {})
    await copies.sync(copy, copies.machine)
    for machine in (copy, copies.machine):
        assert sorted(copies.texts(machine)) == ["asked", "beg", "begun and ended"]
    assert snapshot(copy) == snapshot(copies.machine)
    named = [copy.read(machines.get_message, id).machine for id in texts_in(copy, copies.session)]
    assert named == [UNSET, UNSET, "m"]
    for machine in (copy, copies.machine):
        machine.store.close()


def test_no_end_of_a_stream_is_lost_in_the_history_that_showed_it() -> None:
    with TemporaryDirectory() as folder:
        dangers = Dangers(clone=0.015, put_back=0.02, lose_hub=0.015)
        assert anyio.run(run_history, Path(folder), 285, dangers)["messages"] > 40
