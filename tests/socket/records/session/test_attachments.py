"""Attachments while the queue of writes is full: who vanishes is noted, and a refused detach can be tried again."""

from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from segue.errors import Overloaded
from segue.server.jobs.attachments import Attachments
from segue.store.records import sessions
from segue.store.store import Store, open_store
from tests.support.clock import HandClock
from tests.support.wire import TIMEOUT_SECONDS


class Client:
    """A connection without a socket."""

    def own(self, resource: Hashable, close: Any) -> None:
        """Close nothing."""

    def disown(self, resource: Hashable) -> None:
        """Forget nothing."""


class Attached(NamedTuple):
    """A store whose queue takes one write, with a session that a client has attached."""

    store: Store
    attachments: Attachments
    client: Any

    async def with_full_queue(self, run: Callable[[Any, str], Coroutine[Any, Any, None]]) -> None:
        """Run a function with the client and its session while the queue is full."""
        with anyio.fail_after(TIMEOUT_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.store.write, sessions.touch, "mine")
                tasks.start_soon(run, self.client, "mine")


@pytest.fixture
async def attached(tmp_path: Path) -> AsyncIterator[Attached]:
    async with open_store(tmp_path / "data" / "sessions.db", clock=HandClock().wall, queue_limit=1) as store:
        await store.write(sessions.create, bot_id="default", id="mine")
        attached = Attached(store, Attachments(store), Client())
        await attached.attachments.attach(attached.client, "mine")
        yield attached


async def test_a_vanished_client_is_noted_also_when_the_queue_is_full(attached: Attached) -> None:
    await attached.with_full_queue(attached.attachments.on_disconnect)
    assert (await attached.store.read(sessions.get, "mine")).status == "crashed"


async def test_a_detach_that_could_not_be_stored_can_be_tried_again(attached: Attached) -> None:
    async def refused(client: Any, session_id: str) -> None:
        with pytest.raises(Overloaded):
            await attached.attachments.detach(client, session_id)

    await attached.with_full_queue(refused)
    await attached.attachments.detach(attached.client, "mine")
    assert await attached.store.read(lambda tx: tx.run("SELECT attached FROM sessions").fetchall()) == [(0,)]
