"""Shutdown by signal and by method: what is answered, what is stored, and what remains."""

import errno
import json
import os
import signal
import socket
import sqlite3
import threading
from pathlib import Path

import pytest
from anyio.abc import TaskGroup

from segue.server.net.connections import ConnectionManager
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

PIPELINED = 50
"""Requests that a slow disk, too, syncs within the 3 s in which a drain still executes them."""


def left_behind(segued: Segued) -> list[str]:
    """Return the names of the files that remain after the exit."""
    return sorted(path.name for folder in (segued.database, segued.socket) for path in folder.parent.iterdir())


CLEAN = ["segued.sock.lock", "sessions.db", "sessions.db.lock"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_an_idle_daemon_with_exit_status_0(segued: Segued, number: signal.Signals) -> None:
    segued.start()
    assert segued.connect().call("session.create")["bot_id"] == "default"
    assert segued.signal(number) == 0
    assert left_behind(segued) == CLEAN


def test_a_hangup_that_the_parent_ignores_is_ignored(segued: Segued) -> None:
    """nohup ignores SIGHUP in this way."""
    segued.start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    os.kill(segued.pid, signal.SIGHUP)
    assert segued.connect().call("daemon.ping") == "pong"
    assert segued.stop() == 0


def test_shutdown_is_answered_before_the_exit(segued: Segued) -> None:
    segued.start()
    wire = segued.connect()
    assert wire.call("daemon.shutdown") == {}
    assert wire.line() is None
    assert segued.wait() == 0
    assert left_behind(segued) == CLEAN


def send_together(wire: Wire, *requests: tuple[str, dict[str, str]]) -> None:
    """Send requests in one piece, because the daemon reads nothing that comes after it has begun to drain."""
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for number, (method, params) in enumerate(requests)
    ]
    wire.send("".join(f"{line}\n" for line in lines).encode())


def test_requests_sent_with_shutdown_are_answered(segued: Segued) -> None:
    segued.start()
    wire = segued.connect()
    wire.call("session.create", id="s")
    append = {"session_id": "s", "role": "user", "content": "last words"}
    send_together(wire, ("daemon.ping", {}), ("daemon.shutdown", {}), ("daemon.ping", {}), ("message.append", append))
    assert [answer.get("result") for answer in wire.rest()][:3] == ["pong", {}, "pong"]
    assert segued.wait() == 0
    assert segued.start().connect().call("message.count", session_id="s") == {"count": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_sent_before_the_signal_are_answered_and_stored(segued: Segued, number: signal.Signals) -> None:
    segued.start()
    wire = segued.connect()
    wire.call("session.create", id="s")
    ids = [wire.post("message.append", session_id="s", role="user", content=f"{index}") for index in range(PIPELINED)]
    os.kill(segued.pid, number)
    answers = wire.rest()
    assert [answer["id"] for answer in answers] == ids
    stored = [answer["result"]["message_id"] for answer in answers]
    assert segued.wait() == 0
    assert left_behind(segued) == CLEAN
    with segued.start().connect() as again:
        held = again.call("message.list", session_id="s")["messages"]
        assert [message["id"] for message in held] == stored
        assert [message["content"] for message in held] == [f"{index}" for index in range(PIPELINED)]


def test_requests_of_many_clients_are_answered_during_a_drain(segued: Segued) -> None:
    segued.start()
    wires = [segued.connect() for _ in range(8)]
    for index, wire in enumerate(wires):
        wire.call("session.create", id=f"s{index}")
    for _ in range(PIPELINED // 8):
        for index, wire in enumerate(wires):
            wire.post("message.append", session_id=f"s{index}", role="user", content="x" * 500)
    os.kill(segued.pid, signal.SIGTERM)
    answers = [wire.rest() for wire in wires]
    expected = [PIPELINED // 8] * 8
    assert [sum("result" in answer for answer in one) for one in answers] == expected
    assert segued.wait() == 0
    with segued.start().connect() as again:
        assert [again.call("message.count", session_id=f"s{index}")["count"] for index in range(8)] == expected


def test_an_idle_client_sees_the_end_of_its_stream(segued: Segued) -> None:
    segued.start()
    wires = [segued.connect() for _ in range(3)]
    assert [wire.call("daemon.ping") for wire in wires] == ["pong"] * 3
    assert segued.stop() == 0
    assert [wire.line() for wire in wires] == [None] * 3


def test_an_incomplete_line_does_not_delay_the_exit(segued: Segued) -> None:
    segued.start()
    wire = segued.connect()
    wire.call("daemon.ping")
    wire.send(b'{"jsonrpc":"2.0","id":1,"method":"daemon.pi')
    assert segued.stop() == 0
    assert wire.rest() == []


def fill(wire: Wire) -> None:
    """Send requests without reading a response until both socket buffers are full."""
    wire.socket.settimeout(0.2)
    line = b'{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}\n' * 20
    try:
        while True:
            wire.send(line)
    except TimeoutError:
        return


def test_a_client_that_never_reads_delays_the_exit_by_a_bounded_time(segued: Segued) -> None:
    segued.start()
    fill(segued.connect())
    polite = segued.connect()
    assert polite.call("daemon.ping") == "pong"
    os.kill(segued.pid, signal.SIGTERM)
    assert polite.line() is None
    assert segued.wait() == 0
    assert left_behind(segued) == CLEAN


def test_a_second_signal_exits_without_waiting_for_clients(
    segued: Segued,
) -> None:
    segued.start()
    deaf = segued.connect()
    fill(deaf)
    os.kill(segued.pid, signal.SIGTERM)
    wait_until(lambda: not segued.socket.exists())
    os.kill(segued.pid, signal.SIGTERM)
    assert segued.wait() == 0
    assert left_behind(segued) == CLEAN


def test_many_signals_stop_the_daemon_once(segued: Segued) -> None:
    segued.start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 5:
        os.kill(segued.pid, number)
    assert segued.wait() == 0
    assert left_behind(segued) == CLEAN


def test_a_signal_during_the_start_leaves_no_socket(segued: Segued) -> None:
    for moment in (
        segued.database.exists,
        segued.socket.exists,
        segued.record.exists,
    ):
        segued.launch()
        wait_until(moment)
        assert segued.stop() == 0
        assert "Traceback" not in "".join(segued.log)
        assert not segued.record.exists()
        for path in (*segued.database.parent.iterdir(), *segued.socket.parent.iterdir()):
            path.unlink()


def test_a_daemon_can_be_restarted_repeatedly(segued: Segued) -> None:
    for life in range(20):
        segued.start()
        with segued.connect() as wire:
            wire.call("session.create", id=f"life-{life}")
            assert wire.call("session.list")["total"] == life + 1
        lock = segued.database.with_name("sessions.db.lock").stat().st_ino
        assert segued.stop() == 0
        assert left_behind(segued) == CLEAN
        assert segued.database.with_name("sessions.db.lock").stat().st_ino == lock


def test_clients_that_connect_during_a_drain_are_answered_or_see_the_end(segued: Segued) -> None:
    """An accepted client gets a response or the end of the stream, never a connection reset."""
    line = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n'
    for _ in range(5):
        segued.start()
        outcomes: list[str] = []
        threads = [threading.Thread(target=knock, args=(segued.socket, line, outcomes)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda outcomes=outcomes: len(outcomes) > 20)  # type: ignore[misc]
        assert segued.stop() == 0
        for thread in threads:
            thread.join()
        assert set(outcomes) <= {"answered", "ended"}, set(outcomes)


def knock(path: Path, line: bytes, outcomes: list[str]) -> None:
    """Connect and send a request repeatedly until the daemon is gone."""
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.settimeout(TIMEOUT_SECONDS)
            try:
                one.connect(os.fspath(path))
            except OSError:
                return
            try:
                one.sendall(line)
                answer = one.recv(1000)
            except BrokenPipeError:
                outcomes.append("ended")
            except OSError as error:
                outcomes.append(repr(error))
            else:
                outcomes.append("answered" if answer and json.loads(answer)["result"] == "pong" else "ended")


def test_no_client_enters_the_queue_after_the_drain_emptied_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[int] = []
    empty_queue = ConnectionManager.accept_queued

    def knock_late(clients: ConnectionManager, listener: socket.socket, tasks: TaskGroup) -> None:
        empty_queue(clients, listener, tasks)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as late:
            outcomes.append(late.connect_ex(str(server.socket)))

    monkeypatch.setattr(ConnectionManager, "accept_queued", knock_late)
    server.stop()
    assert outcomes == [errno.ENOENT]


def test_a_session_attached_during_a_drain_is_not_crashed(segued: Segued) -> None:
    segued.start()
    wire = segued.connect()
    wire.call("session.create", id="s")
    send_together(wire, ("daemon.shutdown", {}), ("session.attach", {"session_id": "s"}))
    assert [answer["result"].get("id") for answer in wire.rest()] == [None, "s"]
    assert segued.wait() == 0
    assert segued.start().connect().call("session.get", session_id="s")["status"] == "active"


def test_a_client_in_the_queue_when_the_daemon_stops_is_served(segued: Segued) -> None:
    segued.start()
    os.kill(segued.pid, signal.SIGSTOP)
    wires = [segued.connect() for _ in range(20)]
    for wire in wires:
        wire.post("daemon.ping")
    os.kill(segued.pid, signal.SIGTERM)
    os.kill(segued.pid, signal.SIGCONT)
    assert [[answer["result"] for answer in wire.rest()] for wire in wires] == [["pong"]] * 20
    assert segued.wait() == 0


def test_another_program_that_holds_the_database_does_not_prevent_the_exit(segued: Segued) -> None:
    """The WAL then remains, and the next daemon reads it."""
    segued.start()
    wire = segued.connect()
    wire.call("session.create", id="s")
    wire.call("session.attach", session_id="s")
    assert wire.call("message.append", session_id="s", role="user", content="kept")["duplicate"] is False
    with sqlite3.connect(segued.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert segued.stop() == 0
        other.execute("ROLLBACK")
    other.close()
    assert segued.start().connect().call("message.count", session_id="s") == {"count": 1}
