"""Cleanup: what is too old or too much goes, what is pinned stays, and a jumping clock is not believed immediately."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from segue.config import Config, SessionConfig
from segue.store.engine.migrate import load_migrations
from segue.store.engine.tx import Tx
from segue.store.records.retention import Ages, delete_if_unused, expired
from segue.store.records.sessions import create, touch
from segue.timestamps import timestamp
from tests.support.clock import DAY, MINUTE, HandClock
from tests.support.inprocess import Server
from tests.support.wire import Wire

NOTHING = {"sessions_deleted": 0, "by_retention": 0, "by_max_sessions": 0, "session_ids": []}


def made(wire: Wire, **members: Any) -> str:
    found: str = wire.call("session.create", **members)["id"]
    return found


def kept(wire: Wire) -> list[str]:
    return [session["id"] for session in wire.call("session.list", limit=1000)["sessions"]]


@pytest.mark.parametrize(("age_ms", "deleted"), [(30 * DAY - 1, 0), (30 * DAY, 0), (30 * DAY + 1, 1)])
def test_a_session_is_deleted_when_its_last_message_is_more_than_thirty_days_old(
    server: Server, wire: Wire, age_ms: int, deleted: int
) -> None:
    made(wire)
    server.clock.pass_time(age_ms)
    assert wire.call("session.cleanup", dry_run=True)["by_retention"] == deleted
    assert wire.call("session.cleanup")["by_retention"] == deleted
    assert len(kept(wire)) == 1 - deleted


def test_a_dry_run_tells_and_deletes_nothing(server: Server, wire: Wire) -> None:
    old = [made(wire), made(wire)]
    server.clock.pass_time(31 * DAY)
    expected = {"sessions_deleted": 2, "by_retention": 2, "by_max_sessions": 0, "session_ids": old}
    assert wire.call("session.cleanup", dry_run=True) == expected
    assert wire.call("session.cleanup", dry_run=True) == expected
    assert wire.call("session.cleanup") == expected
    assert wire.call("session.cleanup") == NOTHING


def test_a_dry_run_looks_ahead(server: Server, wire: Wire) -> None:
    own, old = made(wire, retention_days=28), made(wire)
    made(wire, pinned=True)
    made(wire, retention_days=0)
    server.clock.pass_time(26 * DAY)
    assert wire.call("session.cleanup", dry_run=True, within_days=2) == NOTHING
    assert wire.call("session.cleanup", dry_run=True, within_days=3)["session_ids"] == [own]
    assert wire.call("session.cleanup", dry_run=True, within_days=36500)["session_ids"] == [own, old]
    refused = wire.respond("session.cleanup", {"within_days": 3})["error"]
    assert (refused["code"], refused["data"]["path"]) == (-32602, "$.within_days")
    assert len(kept(wire)) == 4


def test_age_counts_from_the_last_use_not_from_the_creation(server: Server, wire: Wire) -> None:
    session = made(wire)
    server.clock.pass_time(29 * DAY)
    wire.call("message.append", session_id=session, role="user", content="x")
    server.clock.pass_time(29 * DAY)
    assert wire.call("session.cleanup") == NOTHING


def test_a_pinned_session_stays(server: Server, wire: Wire) -> None:
    pinned = made(wire, pinned=True)
    made(wire)
    server.clock.pass_time(400 * DAY)
    assert wire.call("session.cleanup")["by_retention"] == 1
    assert kept(wire) == [pinned]


def test_a_long_session_goes_whole(server: Server, wire: Wire) -> None:
    session = made(wire)
    messages = [{"role": "user", "content": "x"}] * 1000
    wire.call("message.append_many", session_id=session, messages=messages)
    server.clock.pass_time(31 * DAY)
    assert wire.call("session.cleanup")["session_ids"] == [session]
    assert wire.call("message.list")["messages"] == []
    assert wire.call("daemon.check", full=True)["ok"]


def test_status_tells_of_the_last_cleanup_also_after_a_restart(server: Server, wire: Wire) -> None:
    made(wire)
    server.clock.pass_time(31 * DAY)
    result = wire.call("session.cleanup")
    at = server.clock.at
    assert wire.call("daemon.status")["cleanup"]["last_result"] == result
    server.restart(Config(session=SessionConfig(auto_cleanup=False)))
    cleanup = server.connect().call("daemon.status")["cleanup"]
    assert cleanup == {"last_run_at": at, "next_run_at": None, "last_result": result, "waiting": 0}


class TestWithACap:
    @pytest.fixture
    def config(self) -> Config:
        return Config(session=SessionConfig(max_sessions=2))

    def test_the_least_recent_above_it_go_and_pinned_ones_do_not_count(self, server: Server, wire: Wire) -> None:
        pinned = made(wire, pinned=True)
        first, second, third, fourth = [made(wire) for _ in range(4)]
        wire.call("session.touch", session_id=first)
        expected = {"sessions_deleted": 2, "by_retention": 0, "by_max_sessions": 2, "session_ids": [second, third]}
        assert wire.call("session.cleanup", dry_run=True) == expected
        assert wire.call("session.cleanup") == expected
        assert sorted(kept(wire)) == sorted([pinned, first, fourth])

    def test_those_too_old_are_counted_apart_and_first(self, server: Server, wire: Wire) -> None:
        old = made(wire)
        server.clock.pass_time(31 * DAY)
        new = [made(wire) for _ in range(3)]
        expected = {"sessions_deleted": 2, "by_retention": 1, "by_max_sessions": 1, "session_ids": [old, new[0]]}
        assert wire.call("session.cleanup", dry_run=True) == expected
        assert wire.call("session.cleanup") == expected


class TestWithoutRetention:
    @pytest.fixture
    def config(self) -> Config:
        return Config(session=SessionConfig(retention_days=0))

    def test_zero_days_keep_without_limit(self, server: Server, wire: Wire) -> None:
        made(wire)
        server.clock.pass_time(4000 * DAY)
        assert wire.call("session.cleanup") == NOTHING


def test_a_start_runs_no_cleanup_for_ten_minutes(server: Server, wire: Wire) -> None:
    session = made(wire)
    server.clock.pass_time(31 * DAY)
    server.restart()
    wire = server.connect()
    assert wire.call("session.cleanup", dry_run=True)["session_ids"] == [session]
    cleanup = wire.call("daemon.status")["cleanup"]
    assert cleanup["next_run_at"] == timestamp(server.clock.now + 10 * MINUTE)
    assert (kept(wire), cleanup["last_run_at"]) == ([session], None)


def test_the_third_daemon_that_exits_early_cleans_up(server: Server, wire: Wire) -> None:
    session = made(wire)
    server.clock.pass_time(31 * DAY)
    for _ in range(2):
        server.restart()
        assert kept(server.connect()) == [session]
    server.restart()
    wire = server.connect()
    assert kept(wire) == []
    assert wire.call("daemon.status")["cleanup"]["last_result"]["session_ids"] == [session]


def test_a_session_has_a_retention_of_its_own(server: Server, wire: Wire) -> None:
    short, long, forever = (made(wire, retention_days=days) for days in (1, 60, 0))
    usual = made(wire)
    server.clock.pass_time(DAY + 1)
    assert wire.call("session.cleanup")["session_ids"] == [short]
    server.clock.pass_time(30 * DAY)
    assert wire.call("session.cleanup")["session_ids"] == [usual]
    wire.call("session.update", session_id=long, retention_days=None)
    assert wire.call("session.cleanup", dry_run=True)["session_ids"] == [long]
    server.clock.pass_time(4000 * DAY)
    assert wire.call("session.cleanup")["session_ids"] == [long]
    assert kept(wire) == [forever]


def test_a_session_used_after_it_was_found_due_is_not_deleted(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "file", isolation_level=None)
    for script in load_migrations():
        connection.executescript(script)
    tx = Tx(connection, HandClock().now)
    session = create(tx, bot_id="default")
    later = Tx(connection, tx.now + 31 * DAY)
    [due] = expired(later, Ages(30 * DAY, None))
    touch(later, session.id)
    assert delete_if_unused(later, due) is False
    [again] = expired(Tx(connection, later.now + 31 * DAY), Ages(30 * DAY, None))
    assert delete_if_unused(later, again) is True
    connection.close()
