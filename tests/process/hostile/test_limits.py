"""Load over a limit is refused or waits, and the daemon recovers when it ends."""

import errno
import os
import resource
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from segue.config import Config, Limits
from segue.server.process.fd_limit import RESERVED_DESCRIPTORS
from tests.support.counters import tried
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.process import Segued
from tests.support.system.usage import idle_usage, is_released, usage
from tests.support.wire import TIMEOUT_SECONDS, Wire

CLIENTS = 8
STORM = 5000


def limit_descriptors(count: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def test_clients_cannot_take_the_descriptors_that_the_store_needs(segued: Segued) -> None:
    segued.start(preexec_fn=partial(limit_descriptors, RESERVED_DESCRIPTORS + CLIENTS))
    wires = [segued.connect() for _ in range(CLIENTS)]
    assert [wire.call("daemon.ping") for wire in wires] == ["pong"] * CLIENTS
    for _ in range(100):
        assert refusal(segued.socket) == OVERLOADED
    wires[0].call("session.create", id="s")
    assert wires[0].call("message.append", session_id="s", role="user", content="x")["session_id"] == "s"
    for wire in wires:
        wire.post("daemon.check", full=True)
    assert [wire.answer()["result"]["ok"] for wire in wires] == [True] * CLIENTS
    wires[0].close()
    wait_until(lambda: wires[1].call("daemon.status")["clients"] == CLIENTS - 1)
    assert segued.connect().call("daemon.ping") == "pong"
    assert sum("limits.clients is 8 instead of 512" in line for line in segued.log) == 1


def test_one_client_is_served_with_hardly_any_descriptors(segued: Segued) -> None:
    segued.start(preexec_fn=partial(limit_descriptors, 40))
    assert segued.connect().call("daemon.check", full=True)["ok"]
    assert refusal(segued.socket) == OVERLOADED


def test_accept_continues_after_a_failure(server: Server, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    accept = socket.socket.accept
    failures = [OSError(errno.EMFILE, os.strerror(errno.EMFILE))] * 2

    def fail_first(listener: socket.socket) -> Any:
        if failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", fail_first)
    assert server.connect().call("daemon.ping") == "pong"
    assert sum("cannot accept a connection" in record.getMessage() for record in caplog.records) == 1


def test_many_short_connections_leave_no_descriptor_and_no_thread(segued: Segued) -> None:
    segued.start()
    watcher = segued.connect()
    watcher.call("session.create", id="s")
    before = idle_usage(segued, watcher)
    line = b'{"jsonrpc":"2.0","id":1,"method":"message.count","params":{"session_id":"s"}}\n'
    for number in range(STORM):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.settimeout(TIMEOUT_SECONDS)
            one.connect(os.fspath(segued.socket))
            if number % 5 == 1:
                one.sendall(line[: number % len(line)])
            elif number % 5 == 2:
                one.sendall(line)
            elif number % 5 == 3:
                one.sendall(line)
                assert one.recv(1000).startswith(b"{")
    wait_until(
        lambda: is_released(usage(segued, watcher), before),
        what=lambda: f"{usage(segued, watcher)} is not yet {before}",
    )
    tried("connections made and dropped immediately", STORM)


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(clients=3))


OVERLOADED: dict[str, Any] = {"code": -32001, "data": {"kind": "overloaded"}}


def refusal(path: Path) -> dict[str, Any]:
    """Return the error that a client over the limit receives before the end of the stream."""
    with Wire(path) as wire:
        lines = wire.rest()
    assert len(lines) == 1
    assert lines[0]["id"] is None
    error = lines[0]["error"]
    return {"code": error["code"], "data": error["data"]}


def test_a_client_over_the_limit_is_refused_and_closed(server: Server) -> None:
    wires = [server.connect() for _ in range(3)]
    assert [wire.call("daemon.ping") for wire in wires] == ["pong"] * 3
    for _ in range(3):
        assert refusal(server.socket) == OVERLOADED
    assert [wire.call("daemon.status")["clients"] for wire in wires] == [3] * 3
    wires[0].close()
    wait_until(lambda: wires[1].call("daemon.status")["clients"] == 2)
    assert server.connect().call("daemon.ping") == "pong"
    assert refusal(server.socket) == OVERLOADED


def test_a_client_over_the_limit_that_sent_a_request_is_refused_too(server: Server) -> None:
    wires = [server.connect() for _ in range(3)]
    assert [wire.call("daemon.ping") for wire in wires] == ["pong"] * 3
    late = server.connect()
    with suppress(BrokenPipeError):
        late.post("daemon.ping")
    assert [(line["id"], line["error"]["code"]) for line in late.rest()] == [(None, -32001)]


class TestOneClient:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(clients=1))

    def test_the_self_check_is_not_counted_as_a_client(self, server: Server) -> None:
        for _ in range(30):
            with Wire(server.socket) as wire:
                assert wire.call("daemon.status")["clients"] == 1
            server.restart()
