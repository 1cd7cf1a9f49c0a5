"""The disk is full: writes are refused, reads continue, and writes succeed again when there is space.

A test cannot mount a file system everywhere. It limits the size of the daemon's files instead, or injects the error
number of a full disk with strace.
"""

import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segue.errors import StorageError
from tests.support.counters import tried
from tests.support.deadline import wait_until
from tests.support.hostile.strace import Fault, Traced
from tests.support.process import Segued
from tests.support.system.users import AM_ROOT
from tests.support.wire import Wire

WORDS = "many words "
ENOUGH = 400
"""More file writes than a start and a few messages need."""


def append(wire: Wire, content: str, key: str) -> int:
    answer = wire.call("message.append", session_id="s", role="user", content=content, key=key)
    return int(answer["message_id"])


def refusal(wire: Wire, content: str, key: str) -> Any:
    with pytest.raises(StorageError) as refused:
        append(wire, content, key)
    return refused.value.data["reason"]


def contents(wire: Wire) -> list[str]:
    return [message["content"] for message in wire.call("message.list", session_id="s")["messages"]]


def largest_file(segued: Segued) -> int:
    return max(path.stat().st_size for path in segued.database.parent.iterdir())


def limit_files(segued: Segued, size: int | None) -> None:
    """Limit the size of the running daemon's files; None removes the limit."""
    _, hard = resource.prlimit(segued.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(segued.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def test_writes_are_refused_while_files_cannot_grow_and_stored_afterwards(segued: Segued) -> None:
    with segued.start().connect() as wire:
        wire.call("session.create", id="s")
        append(wire, "before", "before")
        for turn in range(3):
            held = contents(wire)
            limit = largest_file(segued)
            content = WORDS * (limit // len(WORDS) + 1)  # more than any file may hold
            limit_files(segued, limit)
            for number in range(5):
                assert refusal(wire, content, f"{turn}.{number}") == "full"
                tried("writes to a full disk")
            with segued.connect() as other:
                assert contents(other) == held
                assert other.call("daemon.check", full=True) == {"ok": True, "problems": []}
            limit_files(segued, None)
            assert append(wire, content, f"{turn}.0") == append(wire, content, f"{turn}.0")
            assert contents(wire) == [*held, content]
            assert wire.call("message.search", query="many words", session_id="s")["total"] == len(held)
        stored = contents(wire)
    assert segued.stop() == 0
    with segued.start().connect() as wire:
        assert contents(wire) == stored


@pytest.mark.parametrize(("errno", "reason"), [("ENOSPC", "full"), ("EDQUOT", "full"), ("EIO", "io"), ("EROFS", "io")])
def test_a_disk_that_stays_full_refuses_every_write_and_loses_no_earlier_one(
    tmp_path: Path, errno: str, reason: str
) -> None:
    segued = Traced(tmp_path, Fault("pwrite64", errno, ENOUGH, lasting=True))
    segued.trace_next()
    segued.launch(start_new_session=True)
    try:
        answered = fill_until_refused(segued.wait_ready(), reason)
        assert segued.wait() == 0
    finally:
        segued.kill_group()
    assert segued.injected()
    assert not any("Traceback" in line for line in segued.log), "".join(segued.log)
    segued.stop_tracing()
    with segued.start().connect() as wire:
        assert contents(wire) == answered
        append(wire, "after", "after")
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    segued.finish()


def fill_until_refused(segued: Segued, reason: str) -> list[str]:
    """Append until the first refusal and return the stored contents. Reads and a shutdown still succeed."""
    answered: list[str] = []
    with segued.connect() as wire:
        wire.call("session.create", id="s")
        for number in range(ENOUGH):
            answer = wire.respond("message.append", {"session_id": "s", "role": "user", "content": str(number) * 3000})
            if "error" in answer:
                assert answer["error"]["data"] == {"kind": "storage", "reason": reason}
                break
            answered.append(str(number) * 3000)
        assert 0 < len(answered) < ENOUGH
        for number in range(3):
            assert refusal(wire, "x" * 5000, f"late {number}") == reason
            tried("writes to a full disk")
        assert contents(wire) == answered
        wire.call("daemon.shutdown")
    return answered


@pytest.fixture
def small_disk(segued: Segued, request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the data directory on a file system of 48 MiB, or of the size that the test gives."""
    directory = segued.database.parent
    directory.mkdir(mode=0o700)
    size = getattr(request, "param", "48m")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", directory], check=True)
    yield
    if segued.process is not None and segued.process.poll() is None:
        segued.stop()
    shutil.rmtree(segued.folder / "kept", ignore_errors=True)
    shutil.copytree(directory, segued.folder / "kept")
    subprocess.run(["umount", directory], check=True)


def fill_disk(wire: Wire, content: str = "x" * 60_000) -> dict[str, int]:
    """Append to two sessions in turn until the disk is full, and return their message counts."""
    counts = {"a": 0, "b": 0}
    for session in counts:
        wire.call("session.create", id=session)
    while True:
        session = min(counts, key=lambda name: counts[name])
        answer = wire.respond("message.append", {"session_id": session, "role": "tool", "content": content})
        if "error" in answer:
            assert answer["error"]["data"] == {"kind": "storage", "reason": "full"}
            return counts
        counts[session] += 1


def can_append(wire: Wire) -> bool:
    return "result" in wire.respond("message.append", {"session_id": "b", "role": "user", "content": "x"})


@pytest.mark.skipif(not AM_ROOT, reason="only root may mount a file system")
@pytest.mark.parametrize("small_disk", ["48m", "12m"], indirect=True)
@pytest.mark.usefixtures("small_disk")
def test_deletions_run_on_a_full_disk_and_make_room_for_appends(segued: Segued) -> None:
    segued.allowed_errors.append("disk is full")
    with segued.start().connect() as wire:
        counts = fill_disk(wire)
        assert min(counts.values()) > 20
        assert wire.call("session.delete", session_id="a") == {"deleted": True}
        wait_until(lambda: can_append(wire))
        assert wire.call("message.count", session_id="b")["count"] == counts["b"] + 1
        assert wire.call("session.list")["total"] == 1
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert segued.stop() == 0


@pytest.mark.skipif(not AM_ROOT, reason="only root may mount a file system")
@pytest.mark.usefixtures("small_disk")
def test_a_search_on_a_full_disk_finds_what_is_indexed_and_what_is_not(segued: Segued) -> None:
    segued.allowed_errors.append("disk is full")
    with segued.start().connect() as wire:
        wire.call("session.create", id="s")
        indexed = wire.call("message.append", session_id="s", role="user", content="zebra one")["message_id"]
        assert wire.call("message.search", query="zebra")["total"] == 1
        fill_disk(wire, "zebra two" + " x" * 200_000)
        newest = max(wire.call("message.list", session_id=id, limit=200)["messages"][-1]["id"] for id in "ab")
        ids = [hit["message_id"] for hit in wire.call("message.search", query="zebra", limit=200)["hits"]]
        assert (ids[0], indexed in ids, len(set(ids))) == (newest, True, len(ids))
        assert wire.call("message.search", query="zebra one")["hits"][0]["matched"] == ["zebra", "one"]
    assert segued.stop() == 0


@pytest.mark.skipif(not AM_ROOT, reason="only root may mount a file system")
@pytest.mark.usefixtures("small_disk")
def test_messages_can_be_deleted_one_slice_after_the_other_on_a_full_disk(segued: Segued) -> None:
    with segued.start().connect() as wire:
        counts = fill_disk(wire)
        for session, count in counts.items():
            ids = [message["id"] for message in wire.call("message.list", session_id=session, limit=1000)["messages"]]
            assert len(ids) == count
            for before_id in (ids[10], ids[count // 2], ids[-1] + 1):
                wire.call("message.delete_before", session_id=session, before_id=before_id)
            assert wire.call("message.count", session_id=session) == {"count": 0}
        wait_until(lambda: can_append(wire))
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert segued.stop() == 0


@pytest.mark.skipif(not AM_ROOT, reason="only root may mount a file system")
@pytest.mark.usefixtures("small_disk")
def test_a_daemon_that_was_killed_starts_on_a_full_disk_for_reads_and_takes_writes_when_it_has_space(
    segued: Segued,
) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="b")
    wire.call("session.attach", session_id="b")
    for number in range(60):
        wire.call("message.append", session_id="b", role="user", content=f"word{number} " + "x" * 3000)
    segued.kill()
    filler = segued.database.with_name("filler")
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=1k"], check=False, stderr=subprocess.DEVNULL)
    with segued.start().connect() as wire:
        assert wire.call("message.search", query="word59")["total"] == 1
        assert not can_append(wire)
        assert wire.call("session.get", session_id="b")["status"] == "active"
        filler.unlink()
        wait_until(lambda: can_append(wire))
        assert wire.call("message.count", session_id="b") == {"count": 61}
    assert segued.stop() == 0
