"""The disk is full: writes are refused, reads continue, and writes succeed again when there is space.

A test cannot mount a file system everywhere. It limits the size of the daemon's files instead, or injects the error
number of a full disk with strace.
"""

import resource
from pathlib import Path
from typing import Any

import pytest

from segue.errors import StorageError
from tests.support.counters import tried
from tests.support.hostile.strace import Fault, Traced
from tests.support.process import Segued
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
