"""`daemon.status` has the counters that explain a slow or failing daemon."""

from contextlib import suppress
from threading import Event

import pytest

from segue.config import Config, Limits
from segue.errors import SegueError
from segue.store.engine.tx import Tx
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wal import wait_until_wal_was_emptied
from tests.support.wire import TIMEOUT_SECONDS, Wire


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(clients=3, event_backlog=5))


def test_a_ping_is_answered_with_pong(wire: Wire) -> None:
    assert wire.call("daemon.ping") == "pong"


def test_errors_are_counted_by_kind(wire: Wire) -> None:
    before = wire.call("daemon.status")
    assert (before["errors"], before["errors_by_kind"]) == (0, {})
    for _ in range(2):
        with suppress(SegueError):
            wire.call("session.get", session_id="nobody")
    wire.ask(b"{")
    wire.ask(b"[1, 2]")
    after = wire.call("daemon.status")
    assert after["errors_by_kind"] == {"not_found": 2, "parse_error": 1, "invalid_request": 2}
    assert after["errors"] == 5


def test_clients_over_the_limit_are_counted(server: Server, wire: Wire) -> None:
    others = [server.connect() for _ in range(2)]
    assert [other.call("daemon.ping") for other in others] == ["pong", "pong"]
    for _ in range(2):
        server.connect().rest()
    status = wire.call("daemon.status")
    assert (status["refused_clients"], status["errors_by_kind"]) == (2, {"overloaded": 2})
    assert status["refused_peers"] == 0


def test_a_reset_is_counted_when_it_is_sent(server: Server, wire: Wire) -> None:
    wire.call("session.create", id="s")
    cursor = wire.call("events.subscribe", kinds=["memory.saved"])["cursor"]
    for _ in range(8):
        wire.call("message.append", session_id="s", role="user", content="x")
    assert wire.call("daemon.status")["dropped_subscribers"] == 0
    late = server.connect()
    late.call("events.subscribe", cursor=cursor)
    assert late.event()["kind"] == "reset"
    assert wire.call("daemon.status")["dropped_subscribers"] == 1


def test_status_has_the_number_of_writes_and_the_slowest_one(wire: Wire) -> None:
    before = wire.call("daemon.status")["writes"]
    wire.call("session.create", id="s")
    for _ in range(10):
        wire.call("message.append", session_id="s", role="user", content="x")
    after = wire.call("daemon.status")["writes"]
    assert after["committed"] >= before["committed"] + 11
    assert 0 < after["slowest_recent_ms"] <= after["slowest_ms"]


def test_a_refused_write_is_not_counted(wire: Wire) -> None:
    wire.call("session.create", id="s")
    before = wire.call("daemon.status")["writes"]["committed"]
    for _ in range(100):
        refused = wire.respond("session.create", {"id": "s"})
        assert refused["error"]["data"]["kind"] == "conflict"
    assert wire.call("daemon.status")["writes"]["committed"] < before + 100


def test_status_has_the_size_of_the_wal_file(server: Server, wire: Wire) -> None:
    wait_until_wal_was_emptied(wire)
    wire.call("session.create", id="s")
    wal = server.database.with_name("sessions.db-wal")
    wait_until(lambda: wire.call("daemon.status")["database"]["wal_bytes"] == wal.stat().st_size > 0)


def test_an_idle_daemon_reports_no_running_read(wire: Wire) -> None:
    quiet = {"running": 0, "waiting": 0, "oldest_ms": None}
    wait_until(lambda: bool(wire.call("daemon.status")["reads"] == quiet))  # The maintenance worker reads now and then.


def test_other_clients_see_a_long_read(server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.call("session.create", id="s")
    released = Event()

    def count_late(tx: Tx, session_id: str) -> int:
        assert released.wait(TIMEOUT_SECONDS)
        return 7

    monkeypatch.setattr("segue.store.records.messages.count", count_late)
    counting = server.connect()
    counting.post("message.count", session_id="s")
    try:
        wait_until(lambda: (wire.call("daemon.status")["reads"]["oldest_ms"] or 0) > 5)
    finally:
        released.set()
    assert counting.answer()["result"] == {"count": 7}


def test_status_describes_the_process(wire: Wire) -> None:
    process = wire.call("daemon.status")["process"]
    assert process["tasks"] > 0
    assert process["threads"] >= 4  # The event loop, the writer and two readers.
    assert process["peak_memory_bytes"] > 10 * 2**20
