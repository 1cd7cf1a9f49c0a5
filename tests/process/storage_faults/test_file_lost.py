"""A database file is removed or replaced under the running daemon: it reports that and refuses all writes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segue.errors import StorageError
from tests.support.counters import tried
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import Wire


def move_away(file: Path, kept: Path) -> None:
    file.rename(kept)


def remove(file: Path, kept: Path) -> None:
    os.link(file, kept)
    file.unlink()


def replace_by_copy(file: Path, kept: Path) -> None:
    file.rename(kept)
    shutil.copy2(kept, file)


def replace_by_link(file: Path, kept: Path) -> None:
    file.rename(kept)
    file.symlink_to(kept)


def replace_by_folder(file: Path, kept: Path) -> None:
    file.rename(kept)
    file.mkdir(mode=0o700)


WAYS: list[Callable[[Path, Path], None]] = [move_away, remove, replace_by_copy, replace_by_link, replace_by_folder]


CASES = [(way, "") for way in WAYS] + [
    (way, suffix) for way in (remove, replace_by_copy) for suffix in ("-wal", "-shm", ".lock")
]


def put_back(file: Path, kept: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    kept.replace(file)


def append(wire: Wire, content: str) -> int:
    answer = wire.call("message.append", session_id="s", role="user", content=content)
    return int(answer["message_id"])


def assert_refused(wire: Wire) -> None:
    with pytest.raises(StorageError) as refused:
        append(wire, "after")
    assert refused.value.data == {"reason": "io"}


def start(segued: Segued) -> Wire:
    segued.start()
    segued.allowed_errors += ["removed or replaced", "indexing failed"]
    wire = segued.connect()
    wire.call("session.create", id="s")
    return wire


def wait_until_logged(segued: Segued, path: Path) -> None:
    wait_until(lambda: any(f"{path} was removed or replaced" in line for line in segued.log))


def assert_stored(segued: Segued, contents: list[str]) -> None:
    """Fail unless the next daemon has every answered message and no refused one."""
    with segued.start().connect() as wire:
        held = wire.call("message.list", session_id="s")["messages"]
        assert [message["content"] for message in held] == contents
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


@pytest.mark.parametrize(("way", "suffix"), CASES)
def test_the_next_write_is_refused_and_the_returned_file_has_every_earlier_one(
    segued: Segued, way: Callable[[Path, Path], None], suffix: str
) -> None:
    wire = start(segued)
    append(wire, "before")
    file, kept = Path(f"{segued.database}{suffix}"), segued.folder / "kept"
    way(file, kept)
    tried("files removed or replaced under the running daemon")
    assert_refused(wire)
    check = wire.call("daemon.check")
    assert (check["ok"], str(file) in check["problems"][0]) == (False, True)
    assert wire.call("session.get", session_id="s")["id"] == "s"
    wait_until_logged(segued, file)
    put_back(file, kept)
    assert_refused(wire)
    assert segued.stop() == 0
    assert_stored(segued, ["before"])


def test_a_removed_file_is_noticed_without_a_write(segued: Segued) -> None:
    start(segued)
    kept = segued.folder / "kept"
    segued.database.rename(kept)
    wait_until_logged(segued, segued.database)
    kept.rename(segued.database)


def test_a_check_notices_a_removed_file(segued: Segued) -> None:
    wire = start(segued)
    segued.database.rename(segued.folder / "kept")
    assert wire.call("daemon.check")["ok"] is False
    assert_refused(wire)
    (segued.folder / "kept").rename(segued.database)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_moved_data_directory_takes_no_writes(segued: Segued, replaced: bool) -> None:
    wire = start(segued)
    append(wire, "before")
    folder, kept = segued.database.parent, segued.folder / "kept"
    folder.rename(kept)
    if replaced:
        folder.mkdir(mode=0o700)
    tried("files removed or replaced under the running daemon")
    assert_refused(wire)
    wait_until_logged(segued, segued.database)
    assert segued.stop() == 0
    if replaced:
        shutil.rmtree(folder)
    kept.rename(folder)
    assert_stored(segued, ["before"])


def test_a_second_daemon_serves_a_new_directory_and_both_keep_their_messages(segued: Segued) -> None:
    """The lock of the first daemon is in its moved directory. No answered message of either daemon is lost."""
    wire = start(segued)
    append(wire, "before")
    folder, kept = segued.database.parent, segued.folder / "kept"
    folder.rename(kept)
    assert_refused(wire)
    assert segued.stop() == 0
    with segued.start().connect() as second:
        second.call("session.create", id="s")
        append(second, "new")
    assert segued.stop() == 0
    assert_stored(segued, ["new"])
    assert segued.stop() == 0
    shutil.rmtree(folder)
    kept.rename(folder)
    assert_stored(segued, ["before"])


def test_a_removed_runtime_directory_is_made_again(segued: Segued) -> None:
    wire = start(segued)
    shutil.rmtree(segued.socket.parent)
    tried("files removed or replaced under the running daemon")
    append(wire, "on the connection that stood")
    wait_until(segued.socket.exists)
    with segued.connect() as again:
        append(again, "on a new one")
    assert segued.stop() == 0
    assert_stored(segued, ["on the connection that stood", "on a new one"])
