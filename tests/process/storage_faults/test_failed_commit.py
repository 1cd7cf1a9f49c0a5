"""What was answered with an I/O error is not stored: not even if the daemon is killed before it writes again."""

from pathlib import Path
from typing import Any

from tests.support.hostile.strace import Fault, Traced
from tests.support.process import Segued
from tests.support.wire import Wire

MANY = 60
"""More commits than come before the first fault."""

FIRST = 40
"""More than a start has of a call that makes durable."""


def append_until_refused(wire: Wire) -> tuple[list[str], dict[str, Any]]:
    """What was stored, and the error of the first that was not; its content is its number."""
    stored: list[str] = []
    wire.call("session.create", id="s")
    while len(stored) < MANY:
        content = str(len(stored))
        answer = wire.respond("message.append", {"session_id": "s", "role": "user", "content": content, "key": content})
        if "error" in answer:
            return stored, answer["error"]
        stored.append(content)
    raise AssertionError("nothing was refused")


def contents(wire: Wire) -> list[str]:
    return [message["content"] for message in wire.call("message.list", session_id="s")["messages"]]


def refused_and_killed(segued: Traced) -> tuple[list[str], dict[str, Any]]:
    """The same, and the daemon is killed at once."""
    segued.trace_next()
    segued.launch(start_new_session=True)
    try:
        return append_until_refused(segued.wait_ready().connect())
    finally:
        segued.kill_group()
        segued.wait()
        segued.trace_no_more()
        segued.log.clear()  # a fault may be told at ERROR; from here on nothing may be


def send_again(segued: Segued, content: str) -> list[str]:
    with segued.connect() as wire:
        for _ in range(2):
            wire.call("message.append", session_id="s", role="user", content=content, key=content)
        return contents(wire)


def test_a_commit_that_a_passing_fault_failed_is_not_there_after_a_kill(tmp_path: Path) -> None:
    segued = Traced(tmp_path, Fault("fdatasync", "EIO", FIRST, step=7))
    stored, error = refused_and_killed(segued)
    assert error["data"] == {"kind": "storage", "reason": "io"}
    assert "unknown" not in error["message"]
    with segued.start().connect() as wire:
        assert contents(wire) == stored
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert send_again(segued, str(len(stored))) == [*stored, str(len(stored))]
    segued.finish()


def test_while_a_fault_lasts_the_error_says_that_nobody_knows(tmp_path: Path) -> None:
    segued = Traced(tmp_path, Fault("fdatasync", "EIO", FIRST, lasting=True))
    stored, error = refused_and_killed(segued)
    assert error["data"] == {"kind": "storage", "reason": "io"}
    assert "unknown" in error["message"]
    assert "with a key" in error["message"]
    with segued.start().connect() as wire:
        assert contents(wire) == stored  # the system lives, and it has the frames that were written over the others
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert send_again(segued, str(len(stored))) == [*stored, str(len(stored))]
    segued.finish()
