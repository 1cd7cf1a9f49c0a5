"""The folder as a hub: half files, files of other programs, and the rights to write."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from segue.sync.transports import folder
from segue.sync.transports.folder import FolderTransport
from segue.sync.transports.transport import Batch, Pushed, TransportError
from tests.support.wire import TIMEOUT_SECONDS

ACCOUNT, MACHINE, OTHER = "aa" * 16, "11" * 16, "22" * 16


def batch(number: int, machine: str = MACHINE, body: bytes = b"sealed") -> Batch:
    return Batch(machine, number, os.urandom(16), body)


@pytest.fixture
def hub(tmp_path: Path) -> FolderTransport:
    return FolderTransport(tmp_path, ACCOUNT, [MACHINE])


async def numbers(found: AsyncIterator[Batch]) -> list[int]:
    return [one.number async for one in found]


async def test_a_pushed_batch_comes_back(hub: FolderTransport) -> None:
    first = batch(1)
    assert await hub.push(first) is Pushed.STORED
    assert await hub.get(MACHINE, 1) == first
    assert await hub.heads() == {MACHINE: 1}


async def test_a_repeated_push_is_stored_and_another_is_refused(hub: FolderTransport) -> None:
    first = batch(1)
    await hub.push(first)
    assert await hub.push(first) is Pushed.STORED
    assert await hub.push(batch(1)) is Pushed.TAKEN
    assert await hub.push(batch(3)) is Pushed.GAP


async def test_a_pull_ends_at_a_file_that_is_missing(hub: FolderTransport, tmp_path: Path) -> None:
    for number in (1, 2, 3, 4):
        await hub.push(batch(number))
    (tmp_path / ACCOUNT / MACHINE / "0000000003").unlink()
    assert await numbers(hub.pull(MACHINE, 0)) == [1, 2]
    assert await numbers(hub.pull(MACHINE, 3)) == [4]


async def test_a_file_that_has_not_arrived_wholly_is_not_there(hub: FolderTransport, tmp_path: Path) -> None:
    await hub.push(batch(1, body=b"x" * 100))
    path = tmp_path / ACCOUNT / MACHINE / "0000000001"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert await numbers(hub.pull(MACHINE, 0)) == []


async def test_files_of_other_programs_are_left_alone(hub: FolderTransport, tmp_path: Path) -> None:
    await hub.push(batch(1))
    folder = tmp_path / ACCOUNT / MACHINE
    for name in ("0000000001.sync-conflict-20261128-1", ".tmp-0000000002-ab", "2", "0000000002~", ".syncthing.x"):
        (folder / name).write_bytes(b"junk")
    (tmp_path / ".stfolder").mkdir()
    (tmp_path / ACCOUNT / "not a machine").mkdir()
    assert await hub.heads() == {MACHINE: 1}
    assert await numbers(hub.pull(MACHINE, 0)) == [1]


async def test_only_the_machine_itself_replaces_its_batches(hub: FolderTransport, tmp_path: Path) -> None:
    first, new = batch(1), batch(1, body=b"less")
    await hub.push(first)
    assert not await FolderTransport(tmp_path, ACCOUNT, [OTHER]).replace(new, first.token)
    assert not await hub.replace(new, os.urandom(16))
    assert await hub.replace(new, first.token)
    assert await hub.get(MACHINE, 1) == new
    assert [path.name for path in (tmp_path / ACCOUNT / MACHINE).iterdir()] == ["0000000001"]


async def test_another_account_sees_nothing(hub: FolderTransport, tmp_path: Path) -> None:
    await hub.push(batch(1))
    assert await FolderTransport(tmp_path, "bb" * 16, [OTHER]).heads() == {}


async def test_a_folder_that_is_away_is_an_error_and_not_empty(tmp_path: Path) -> None:
    hub = FolderTransport(tmp_path / "disk", ACCOUNT, [MACHINE])
    for call in (hub.heads(), hub.push(batch(1)), hub.get(MACHINE, 1)):
        with pytest.raises(TransportError, match="mount its disk"):
            await call
    assert not (tmp_path / "disk").exists()


async def test_erase_leaves_other_accounts(hub: FolderTransport, tmp_path: Path) -> None:
    other = FolderTransport(tmp_path, "bb" * 16, [OTHER])
    await other.push(batch(1, OTHER))
    await hub.push(batch(1))
    await hub.erase()
    assert await hub.heads() == {}
    assert await other.heads() == {OTHER: 1}


async def test_a_wait_ends_when_another_machine_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LOOK_SECONDS", 0.01)
    hub, other = FolderTransport(tmp_path, ACCOUNT, [MACHINE]), FolderTransport(tmp_path, ACCOUNT, [OTHER])
    ended = anyio.Event()

    async def wait() -> None:
        await hub.wait(60)
        ended.set()

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            number = 0
            while not ended.is_set():  # The first ones may come before the wait has looked at the folder.
                number += 1
                await other.push(batch(number, OTHER))


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device; make room there"),
        (errno.EACCES, "Permission denied; check who may write there"),
        (errno.EROFS, "Read-only file system; mount its disk for writing"),
        (errno.EIO, "Input/output error; check the disk or the network that it is on"),
    ],
)
async def test_an_error_of_the_disk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folder, "create_file", fail)
    with pytest.raises(TransportError, match=f"cannot use {tmp_path}: {advice}"):
        await FolderTransport(tmp_path, ACCOUNT, [MACHINE]).push(batch(1))
