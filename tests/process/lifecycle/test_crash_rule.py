"""The crash rule with real processes: a killed client, a killed daemon, and clean exits of both."""

import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

CLIENT = """
import json, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
stream = connection.makefile("rw")
for method in sys.argv[3:]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"session_id": sys.argv[2]}}
    stream.write(json.dumps(request) + "\\n")
    stream.flush()
    assert "result" in json.loads(stream.readline())
print("done", flush=True)
sys.stdin.read()
"""
"""Calls methods with one session, then stays connected until it is killed or its input ends."""


def client(segued: Segued, session: str, *methods: str) -> "subprocess.Popen[str]":
    """Start a client process whose calls are answered."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", CLIENT, str(segued.socket), session, *methods],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    return process


def finish(process: "subprocess.Popen[str]", number: int | None = None) -> int:
    """End the process by the signal, or cleanly; return its exit status."""
    if number is not None:
        process.send_signal(number)
    process.communicate(timeout=TIMEOUT_SECONDS)
    return process.returncode


def get(wire: Wire, session: str) -> Any:
    return wire.call("session.get", session_id=session)


def alone(wire: Wire) -> bool:
    """Return True if the daemon has noticed that no other client is connected."""
    return bool(wire.call("daemon.status")["clients"] == 1)


def test_a_killed_client_leaves_its_session_crashed(segued: Segued) -> None:
    wire = segued.start().connect()
    before = wire.call("session.create", working_dir="/x")
    process = client(segued, before["id"], "session.attach")
    assert get(wire, before["id"]) == before
    assert finish(process, signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: alone(wire))
    found = get(wire, before["id"])
    assert found["ended_at"] == found["updated_at"] >= before["created_at"]
    assert found == {**before, "status": "crashed", "ended_at": found["ended_at"], "updated_at": found["updated_at"]}
    resolution = wire.call("session.resolve", working_dir="/x")
    assert (resolution["session"]["id"], resolution["session"]["status"]) == (before["id"], "active")


@pytest.mark.parametrize(("farewell", "status"), [("session.detach", "active"), ("session.end", "completed")])
def test_a_client_killed_after_it_detached_leaves_its_session_active(
    segued: Segued, farewell: str, status: str
) -> None:
    wire = segued.start().connect()
    session = wire.call("session.create")["id"]
    process = client(segued, session, "session.attach", farewell)
    left = get(wire, session)
    finish(process, signal.SIGKILL)
    wait_until(lambda: alone(wire))
    assert (get(wire, session), left["status"]) == (left, status)


def test_a_client_that_exits_without_detaching_leaves_its_session_crashed(segued: Segued) -> None:
    wire = segued.start().connect()
    session = wire.call("session.create")["id"]
    assert finish(client(segued, session, "session.attach")) == 0
    wait_until(lambda: alone(wire))
    assert get(wire, session)["status"] == "crashed"


def test_a_session_of_two_clients_crashes_with_the_last_one(segued: Segued) -> None:
    wire = segued.start().connect()
    before = wire.call("session.create")
    first, second = (client(segued, before["id"], "session.attach") for _ in range(2))
    finish(first, signal.SIGKILL)
    wait_until(lambda: bool(wire.call("daemon.status")["clients"] == 2))
    assert get(wire, before["id"]) == before
    finish(second, signal.SIGKILL)
    wait_until(lambda: alone(wire))
    assert get(wire, before["id"])["status"] == "crashed"


def test_attached_sessions_of_a_killed_daemon_are_crashed_at_the_next_start(segued: Segued) -> None:
    wire = segued.start().connect()
    attached, detached, ended, never = (wire.call("session.create", id=id)["id"] for id in ("a", "d", "e", "n"))
    for session in (attached, detached, ended):
        wire.call("session.attach", session_id=session)
    wire.call("session.detach", session_id=detached)
    wire.call("session.end", session_id=ended)
    message = wire.call("message.append", session_id=attached, role="user", content="x")["message_id"]
    before = {session: get(wire, session) for session in (attached, detached, ended, never)}
    assert segued.kill() == -signal.SIGKILL
    wire = segued.start().connect()
    after = {session: get(wire, session) for session in before}
    at = after[attached]["ended_at"]
    assert at >= before[attached]["updated_at"]
    assert after == {**before, attached: {**before[attached], "status": "crashed", "ended_at": at, "updated_at": at}}
    assert [one["id"] for one in wire.call("message.list")["messages"]] == [message]
    wire.call("session.resume", session_id=attached)
    assert segued.kill() == -signal.SIGKILL
    assert get(segued.start().connect(), attached)["status"] == "active"


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "daemon.shutdown"])
def test_a_clean_shutdown_detaches_the_sessions_of_running_clients(segued: Segued, how: str) -> None:
    wire = segued.start().connect()
    before = wire.call("session.create")
    process = client(segued, before["id"], "session.attach")
    if how == "daemon.shutdown":
        wire.call("daemon.shutdown")
        assert segued.wait() == 0
    else:
        assert segued.signal(signal.Signals[how]) == 0
    finish(process)
    assert get(segued.start().connect(), before["id"]) == before
