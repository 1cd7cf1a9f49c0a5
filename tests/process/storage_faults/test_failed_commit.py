"""After an I/O error in COMMIT the daemon says that the outcome is unknown, stores all or nothing, and exits."""

from pathlib import Path

import pytest

from tests.support.hostile.strace import Fault, Traced
from tests.support.process import Segued
from tests.support.wire import Wire

MANY = 60
"""More commits than come before the first fault."""

FIRST = 40
"""More syncs than a start needs."""

FAULTS = [Fault("fdatasync", "EIO", FIRST), Fault("fdatasync", "EIO", FIRST, lasting=True)]


def append_until_unknown(wire: Wire) -> list[str]:
    """Return the contents that were stored before the first unknown outcome. Each content is its number and key."""
    stored: list[str] = []
    wire.call("session.create", id="s")
    while len(stored) < MANY:
        content = str(len(stored))
        answer = wire.respond("message.append", {"session_id": "s", "role": "user", "content": content, "key": content})
        if "error" in answer:
            assert answer["error"]["data"] == {"kind": "storage", "reason": "io"}
            assert "unknown" in answer["error"]["message"]
            assert "with a key" in answer["error"]["message"]
            return stored
        stored.append(content)
    raise AssertionError("no append failed")


def contents(wire: Wire) -> list[str]:
    return [message["content"] for message in wire.call("message.list", session_id="s")["messages"]]


def fail_commit(segued: Traced) -> list[str]:
    """Start the daemon under strace and return the contents that were stored before the failed commit."""
    segued.trace_next()
    segued.launch(start_new_session=True)
    return append_until_unknown(segued.wait_ready().connect())


def assert_stored_once(segued: Segued, stored: list[str]) -> None:
    """Fail unless the next daemon has all answered messages, and the unknown one at most once, also after a retry."""
    unknown = str(len(stored))
    segued.log.clear()  # the failed daemon may log at ERROR, the next one may not
    with segued.start().connect() as wire:
        assert contents(wire) in (stored, [*stored, unknown])
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        for _ in range(2):
            wire.call("message.append", session_id="s", role="user", content=unknown, key=unknown)
        assert contents(wire) == [*stored, unknown]
    segued.finish()


@pytest.mark.parametrize("fault", FAULTS, ids=["once", "lasting"])
def test_the_daemon_exits_and_the_next_one_has_every_answered_message(tmp_path: Path, fault: Fault) -> None:
    segued = Traced(tmp_path, fault)
    try:
        stored = fail_commit(segued)
        assert segued.wait() == 1
    finally:
        segued.kill_group()
    reasons = [line for line in segued.log if "I/O error in COMMIT" in line]
    assert len(reasons) == 1
    assert str(segued.database) in reasons[0]
    assert "Traceback" not in "".join(segued.log)
    segued.stop_tracing()
    assert_stored_once(segued, stored)


@pytest.mark.parametrize("fault", FAULTS, ids=["once", "lasting"])
def test_a_kill_after_the_failed_commit_leaves_the_message_whole_or_absent(tmp_path: Path, fault: Fault) -> None:
    segued = Traced(tmp_path, fault)
    try:
        stored = fail_commit(segued)
    finally:
        segued.kill_group()
        segued.wait()
    segued.stop_tracing()
    assert_stored_once(segued, stored)
