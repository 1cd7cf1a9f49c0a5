"""A database file with two names is served by one daemon only, and no answered message is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Segued
from tests.support.system.users import AM_ROOT


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Segued]:
    """Yield a second daemon, whose database is not made yet."""
    second = Segued(tmp_path / "second")
    second.database.parent.mkdir(parents=True, mode=0o700)
    yield second
    second.finish()


def append(segued: Segued, content: str) -> None:
    with segued.connect() as wire:
        wire.call("message.append", working_dir="/w", role="user", content=content)


def contents(segued: Segued) -> list[str]:
    with segued.connect() as wire:
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        return [message["content"] for message in wire.call("message.list")["messages"]]


def assert_refused(segued: Segued, *names: Path) -> None:
    code, lines = segued.fail()
    assert (code, len(lines)) == (3, 1)
    for name in names:
        assert str(name) in lines[0]


def test_a_hard_link_to_a_served_file_is_refused(segued: Segued, second: Segued) -> None:
    append(segued.start(), "before")
    os.link(segued.database, second.database)
    assert_refused(second, segued.database, second.database)
    append(segued, "after")
    assert contents(segued) == ["before", "after"]
    second.database.unlink()


def test_a_hard_link_to_a_stopped_database_is_refused_under_both_names(segued: Segued, second: Segued) -> None:
    append(segued.start(), "before")
    assert segued.stop() == 0
    os.link(segued.database, second.database)
    assert_refused(segued, segued.database)
    assert_refused(second, second.database)
    second.database.unlink()
    assert contents(segued.start()) == ["before"]


@pytest.mark.skipif(not AM_ROOT, reason="a bind mount needs root")
def test_a_bind_mount_of_a_served_file_is_refused(segued: Segued, second: Segued) -> None:
    append(segued.start(), "before")
    second.database.touch(mode=0o600)
    mounted = subprocess.run(["mount", "--bind", segued.database, second.database], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no bind mount: {mounted.stderr.decode()}")
    try:
        assert_refused(second, second.database)
        append(segued, "after")
        assert contents(segued) == ["before", "after"]
    finally:
        subprocess.run(["umount", second.database], check=True)
        second.database.unlink()
