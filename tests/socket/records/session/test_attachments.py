"""Attachments while the queue of writes is full: who vanishes is noted, and a refused detach can be tried again."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.errors import Overloaded
from segue.server.jobs.attachments import Attachments
from segue.store.records import sessions
from segue.store.store import open_store
from tests.support.clock import HandClock


class Client:
    """A connection without a socket."""

    def own(self, resource: Hashable, close: Any) -> None:
        """Close nothing."""

    def disown(self, resource: Hashable) -> None:
        """Forget nothing."""


async def test_a_vanished_client_is_noted_also_when_the_queue_is_full(tmp_path: Path) -> None:
    clock = HandClock()
    async with open_store(tmp_path / "data" / "sessions.db", clock=clock.wall, queue_limit=1) as store:
        await store.write(sessions.create, bot_id="default", id="mine")
        attachments = Attachments(store)
        client: Any = Client()
        await attachments.attach(client, "mine")
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.write, sessions.touch, "mine")
                tasks.start_soon(attachments.on_disconnect, client, "mine")
        assert (await store.read(sessions.get, "mine")).status == "crashed"


async def test_a_detach_that_could_not_be_stored_can_be_tried_again(tmp_path: Path) -> None:
    clock = HandClock()
    async with open_store(tmp_path / "data" / "sessions.db", clock=clock.wall, queue_limit=1) as store:
        await store.write(sessions.create, bot_id="default", id="mine")
        attachments = Attachments(store)
        client: Any = Client()
        await attachments.attach(client, "mine")
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.write, sessions.touch, "mine")
                tasks.start_soon(_refused, attachments, client)
        await attachments.detach(client, "mine")
        assert await store.read(lambda tx: tx.run("SELECT attached FROM sessions").fetchall()) == [(0,)]


async def _refused(attachments: Attachments, client: Any) -> None:
    with pytest.raises(Overloaded):
        await attachments.detach(client, "mine")
