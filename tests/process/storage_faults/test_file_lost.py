"""A file is removed or replaced under the living daemon: nothing more is acknowledged, and it is told in words."""

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
    (way, suffix) for way in (remove, replace_by_copy) for suffix in ("-wal", "-shm")
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


def wait_told(segued: Segued, path: Path) -> None:
    wait_until(lambda: any(f"{path} was removed or replaced" in line for line in segued.log))


def assert_held(segued: Segued, contents: list[str]) -> None:
    """In the next life there is what was answered, and nothing of what was refused."""
    with segued.start().connect() as wire:
        held = wire.call("message.list", session_id="s")["messages"]
        assert [message["content"] for message in held] == contents
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


@pytest.mark.parametrize(("way", "suffix"), CASES)
def test_the_next_write_is_refused_and_all_before_is_there_when_the_file_is_back(
    segued: Segued, way: Callable[[Path, Path], None], suffix: str
) -> None:
    wire = start(segued)
    append(wire, "before")
    file, kept = Path(f"{segued.database}{suffix}"), segued.folder / "kept"
    way(file, kept)
    tried("files removed or replaced under the living daemon")
    assert_refused(wire)
    check = wire.call("daemon.check")
    assert (check["ok"], str(file) in check["problems"][0]) == (False, True)
    assert wire.call("session.get", session_id="s")["id"] == "s"
    wait_told(segued, file)
    put_back(file, kept)
    assert_refused(wire)
    assert segued.stop() == 0
    assert_held(segued, ["before"])


def test_without_a_write_it_is_noticed_within_seconds(segued: Segued) -> None:
    start(segued)
    kept = segued.folder / "kept"
    segued.database.rename(kept)
    wait_told(segued, segued.database)
    kept.rename(segued.database)


def test_a_check_notices_at_once(segued: Segued) -> None:
    wire = start(segued)
    segued.database.rename(segued.folder / "kept")
    assert wire.call("daemon.check")["ok"] is False
    assert_refused(wire)
    (segued.folder / "kept").rename(segued.database)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_data_directory_that_is_moved_away_takes_no_more_writes(segued: Segued, replaced: bool) -> None:
    wire = start(segued)
    append(wire, "before")
    folder, kept = segued.database.parent, segued.folder / "kept"
    folder.rename(kept)
    if replaced:
        folder.mkdir(mode=0o700)
    tried("files removed or replaced under the living daemon")
    assert_refused(wire)
    wait_told(segued, segued.database)
    assert segued.stop() == 0
    if replaced:
        shutil.rmtree(folder)
    kept.rename(folder)
    assert_held(segued, ["before"])


def test_another_daemon_may_serve_a_new_file_while_the_first_still_holds_the_old(segued: Segued) -> None:
    """A directory that was put in the place of ours has no lock of ours; nothing that either answers is lost."""
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
    assert_held(segued, ["new"])
    assert segued.stop() == 0
    shutil.rmtree(folder)
    kept.rename(folder)
    assert_held(segued, ["before"])


def test_a_runtime_directory_that_is_removed_is_made_again(segued: Segued) -> None:
    wire = start(segued)
    shutil.rmtree(segued.socket.parent)
    tried("files removed or replaced under the living daemon")
    append(wire, "on the connection that stood")
    wait_until(segued.socket.exists)
    with segued.connect() as again:
        append(again, "on a new one")
    assert segued.stop() == 0
    assert_held(segued, ["on the connection that stood", "on a new one"])
