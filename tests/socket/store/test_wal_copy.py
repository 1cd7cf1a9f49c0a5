"""A full WAL is copied into the database while writes continue, and the writer copies only the rest."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from segue.store import store as store_module
from segue.store.engine import inline_limit
from segue.store.engine.wal import checkpoint_passive
from segue.store.engine.write_queue import OTHER_FRAMES
from segue.store.store import Store
from tests.socket.store.harness import Blocker, WriterProbe, adding, wait_for
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio

COPIES_REST = "PRAGMA wal_autocheckpoint = 1"


def read(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> Blocker:
    """Return what holds the copy of the WAL before it begins."""
    blocker = Blocker()

    def copy(connection: sqlite3.Connection) -> None:
        blocker()
        checkpoint_passive(connection)

    monkeypatch.setattr(store_module, "checkpoint_passive", copy)
    monkeypatch.setattr(inline_limit, "CHECKPOINT_FRAMES", OTHER_FRAMES)
    return blocker


@pytest.fixture
async def store(copying: Blocker, store: Store) -> AsyncIterator[Store]:
    yield store
    copying.release()


async def test_writes_continue_while_the_wal_is_copied(
    store: Store, writer: WriterProbe, copying: Blocker, path: Path
) -> None:
    statements = await writer.trace()
    with anyio.fail_after(TIMEOUT_SECONDS):
        await store.write(adding("fills the WAL"))
        await wait_for(copying.started)
        await store.write(adding("meanwhile"))
        assert COPIES_REST not in statements
        assert b"fills the WAL" not in read(path)
        copying.release()
        while b"meanwhile" not in read(path):
            await anyio.sleep(0.01)
        number = 0
        while COPIES_REST not in statements:  # The end of the copy is known a moment later.
            await store.write(adding(f"note {(number := number + 1)}"))
    assert f"note {number}".encode() in read(path)


async def test_a_copy_that_fails_leaves_all_to_the_writer(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, copying: Blocker
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        copying.started.set()
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store_module, "checkpoint_passive", fail)
    with anyio.fail_after(TIMEOUT_SECONDS):
        await store.write(adding("fills the WAL"))
        await wait_for(copying.started)
        number = 0
        while b"fills the WAL" not in read(path):
            await store.write(adding(str(number := number + 1)))
