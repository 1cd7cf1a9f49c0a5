"""Clients that read late, never read or disconnect, and the limit on clients."""

import json
import socket
from contextlib import suppress
from threading import Event

import pytest

from segue.config import Config, Limits
from tests.socket.server.lines import LIST, MIB, PING, PONG, appends, contents, send_meanwhile
from tests.support.answers import failed, wordless
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire


def fill(wire: Wire, line: bytes) -> int:
    """Send the line repeatedly until the send blocks; return the number of bytes sent."""
    sent = 0
    wire.socket.settimeout(0.3)
    with suppress(TimeoutError):
        while sent < 64 * MIB:
            sent += wire.socket.send(line[sent % len(line) :])
    wire.socket.settimeout(TIMEOUT_SECONDS)
    return sent


@pytest.fixture
def megabyte(wire: Wire) -> str:
    """Return a session with a message larger than any socket buffer."""
    session: str = wire.call("session.create")["id"]
    wire.call("message.append", session_id=session, role="user", content="x" * MIB)
    return session


def test_the_daemon_stops_reading_from_a_client_that_does_not_read(server: Server, wire: Wire, megabyte: str) -> None:
    before = wire.call("daemon.status")["requests"]
    slow = server.connect()
    sent = fill(slow, (LIST + b"\n") * 1000)
    assert 100 * len(LIST) < sent < 2 * MIB
    run = wire.call("daemon.status")["requests"] - before - 1
    assert run == 1, "requests are run whose answers nobody takes"
    slow.close()
    wait_until(lambda: wire.call("daemon.status")["clients"] == 1)


def test_a_client_that_reads_late_gets_every_response_in_order(server: Server, wire: Wire, megabyte: str) -> None:
    slow = server.connect()
    line = LIST[:-1] + b',"pad":"' + b"x" * 60_000 + b'"}\n'
    sent = fill(slow, line)
    assert sent < 2 * MIB
    assert wire.ask(PING) == PONG
    thread = send_meanwhile(slow, line[sent % len(line) :] + PING + b"\n")
    expected = wire.ask(LIST)
    for _ in range(sent // len(line) + 1):
        assert slow.answer() == expected
    assert slow.answer() == PONG
    thread.join(TIMEOUT_SECONDS)


def test_a_client_that_does_not_read_delays_no_other(server: Server, wire: Wire, megabyte: str) -> None:
    slow = [server.connect() for _ in range(5)]
    for one in slow:
        one.send((LIST + b"\n") * 10)
    before = wire.call("message.count", session_id=megabyte)["count"]
    for _ in range(20):
        wire.call("message.append", session_id=megabyte, role="user", content="x")
    assert wire.call("message.count", session_id=megabyte)["count"] == before + 20
    assert wire.call("daemon.status")["clients"] == 6
    for one in slow:
        assert len(one.answer()["result"]["messages"][0]["content"]) == MIB


def test_a_client_that_half_closes_and_reads_late_gets_every_response(
    server: Server, wire: Wire, megabyte: str
) -> None:
    slow = server.connect()
    slow.send((LIST + b"\n") * 10 + PING)
    slow.half_close()
    assert wire.ask(PING) == PONG
    *lists, last = slow.rest()
    assert (len(lists), last) == (10, PONG)


def test_responses_to_many_clients_do_not_mix(server: Server) -> None:
    wires = [server.connect() for _ in range(16)]
    sessions = [wire.call("session.create")["id"] for wire in wires]
    for index, (wire, session) in enumerate(zip(wires, sessions, strict=True)):
        wire.send(appends(session, [f"{index}-{number} " + "x" * 2000 for number in range(20)]))
    for wire, session in zip(wires, sessions, strict=True):
        answers = [wire.answer() for _ in range(20)]
        assert [(answer["id"], answer["result"]["session_id"]) for answer in answers] == [
            (number, session) for number in range(20)
        ]
    listing = [json.dumps({"jsonrpc": "2.0", "id": 1, "method": "message.list", "params": [s]}) for s in sessions]
    for wire, line in zip(wires, listing, strict=True):
        wire.send(line.encode() + b"\n" + line.encode() + b"\n")
    for index, wire in enumerate(wires):
        for answer in (wire.answer(), wire.answer()):
            found = [message["content"].split()[0] for message in answer["result"]["messages"]]
            assert found == [f"{index}-{number}" for number in range(20)]


@pytest.mark.parametrize("sent", [b"", PING[:10], PING + b"\n", (LIST + b"\n") * 50], ids=len)
def test_a_lost_client_harms_no_other(server: Server, wire: Wire, megabyte: str, sent: bytes) -> None:
    for _ in range(20):
        with Wire(server.socket) as gone:
            gone.send(sent)
    wait_until(lambda: wire.call("daemon.status")["clients"] == 1)


def test_a_complete_write_is_stored_although_its_client_is_lost(server: Server, wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    with Wire(server.socket) as gone:
        gone.send(appends(session, ["a", "b"]))
    wait_until(lambda: wire.call("message.count", session_id=session)["count"] == 2)
    assert contents(wire, session) == ["a", "b"]


def test_a_client_that_shuts_down_its_receiving_side_is_disconnected(server: Server, wire: Wire) -> None:
    other = server.connect()
    other.socket.shutdown(socket.SHUT_RD)
    with suppress(OSError):
        other.send((PING + b"\n") * 100)
    wait_until(lambda: wire.call("daemon.status")["clients"] == 1)


class TestFewClients:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(clients=3))

    @pytest.fixture
    def three(self, server: Server, wire: Wire) -> list[Wire]:
        """Return the maximum number of clients."""
        wait_until(lambda: wire.call("daemon.status")["clients"] == 1)  # The self-check has ended.
        found = [wire, server.connect(), server.connect()]
        assert [one.ask(PING) for one in found] == [PONG] * 3
        return found

    def test_a_client_over_the_limit_gets_one_overloaded_line(self, server: Server, three: list[Wire]) -> None:
        for _ in range(10):
            extra = server.connect()
            answer = extra.answer()
            assert answer["error"]["data"] == {"kind": "overloaded"}
            assert (wordless(answer), extra.rest()) == (failed(-32001), [])
        assert [one.ask(PING) for one in three] == [PONG] * 3

    def test_a_client_over_the_limit_that_sent_a_request_gets_the_same(self, server: Server, three: list[Wire]) -> None:
        for _ in range(10):
            release = Event()
            busy = server._portal.start_task_soon(release.wait)
            extra = server.connect()
            extra.send(PING + b"\n")
            release.set()
            assert [wordless(answer) for answer in extra.rest()] == [failed(-32001)]
            assert busy.result(TIMEOUT_SECONDS)

    def test_a_client_is_served_after_another_disconnects(self, server: Server, three: list[Wire]) -> None:
        three.pop().close()
        wait_until(lambda: three[0].call("daemon.status")["clients"] == 2)
        assert server.connect().ask(PING) == PONG
        assert wordless(server.connect().answer()) == failed(-32001)


def test_requests_are_executed_although_their_client_closed_without_reading(server: Server, wire: Wire) -> None:
    wire.call("session.create", id="s")
    with Wire(server.socket) as hasty:
        for index in range(300):
            hasty.post("message.append", session_id="s", role="user", content=f"{index}")
    wait_until(lambda: wire.call("message.count", session_id="s") == {"count": 300})
    contents = [message["content"] for message in wire.call("message.list", session_id="s")["messages"]]
    assert contents == [f"{index}" for index in range(300)]
