"""Cleanup: what is too old or too much goes, what is pinned stays, and a jumping clock is not believed at once."""

import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.config import Config, SessionConfig
from segue.server.jobs.retention import Cleanup
from segue.store.engine.migrate import load_migrations
from segue.store.engine.tx import Tx
from segue.store.records.retention import delete_if_unused, expired
from segue.store.records.sessions import create, touch
from segue.store.store import open_store
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, HandClock
from tests.support.deadline import wait_until
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
    assert wire.call("message.list") == {"messages": [], "has_more": False}
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

    def test_zero_days_keep_for_ever(self, server: Server, wire: Wire) -> None:
        made(wire)
        server.clock.pass_time(4000 * DAY)
        assert wire.call("session.cleanup") == NOTHING


def test_cleanup_runs_at_the_start(server: Server, wire: Wire) -> None:
    session = made(wire)
    server.clock.pass_time(29 * DAY + HOUR)
    wire.call("session.cleanup")
    server.clock.pass_time(DAY - HOUR + 1)
    server.restart()
    wire = server.connect()
    wait_until(lambda: wire.call("daemon.status")["cleanup"]["last_run_at"] == server.clock.at)
    assert session not in kept(wire)


class Chores:
    """The scheduler by itself, over a real file, with both clocks in hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()

    async def life(self, *steps: Any) -> list[int]:
        """How many sessions are left at the start of one life of the daemon, and after each step of the clocks."""
        left = []
        async with open_store(self.path, clock=self.clock.wall) as store:
            cleanup = Cleanup(store, SessionConfig(), self.clock.wall, self.clock.monotonic)
            await cleanup.load()
            await cleanup.run_if_trusted(cleanup.far_from_last_run())
            left.append(await store.read(count_sessions))
            for step in steps:
                step()
                await cleanup.run_if_trusted(cleanup.clock_jumped())
                left.append(await store.read(count_sessions))
        return left

    async def make_session(self) -> None:
        async with open_store(self.path, clock=self.clock.wall) as store:
            await store.write(create, bot_id="default")

    def hour(self) -> None:
        self.clock.pass_time(HOUR)

    def year_ahead(self) -> None:
        self.clock.jump(365 * DAY)
        self.hour()

    def year_back(self) -> None:
        self.clock.jump(-365 * DAY)
        self.hour()


def count_sessions(tx: Any) -> int:
    return int(tx.run("SELECT count(*) FROM sessions").fetchone()[0])


@pytest.fixture
def chores(tmp_path: Path) -> Chores:
    return Chores(tmp_path / "data" / "sessions.db")


async def test_a_clock_that_jumps_a_year_ahead_and_back_deletes_nothing(chores: Chores) -> None:
    await chores.make_session()
    assert await chores.life(chores.hour, chores.year_ahead, chores.year_back, chores.hour) == [1, 1, 1, 1, 1]


async def test_a_clock_that_stays_a_year_ahead_is_believed_at_the_next_interval(chores: Chores) -> None:
    await chores.make_session()
    assert await chores.life(chores.hour, chores.year_ahead, chores.hour) == [1, 1, 1, 0]


async def test_a_start_far_from_the_last_run_is_put_off_once_even_by_daemons_that_live_shortly(chores: Chores) -> None:
    await chores.make_session()
    assert await chores.life() == [1]
    chores.clock.jump(31 * DAY)
    assert await chores.life() == [1]
    assert await chores.life() == [0]


async def test_a_start_before_the_last_run_is_put_off_only_if_it_would_delete(chores: Chores) -> None:
    await chores.life()
    chores.clock.jump(-40 * DAY)
    await chores.make_session()
    chores.clock.jump(31 * DAY)
    assert await chores.life() == [1]
    assert await chores.life(chores.hour) == [0, 0]


async def test_a_gain_of_less_than_a_day_is_no_jump(chores: Chores) -> None:
    await chores.make_session()
    await chores.life()

    def nearly_a_day() -> None:
        chores.clock.jump(DAY - SECOND)
        chores.clock.pass_time(MINUTE)

    assert await chores.life(*[nearly_a_day] * 30) == [1] * 30 + [0]


async def test_what_another_program_wrote_over_our_notes_is_no_reason_to_fail(chores: Chores) -> None:
    await chores.make_session()
    await chores.life()
    async with open_store(chores.path, clock=chores.clock.wall) as store:
        await store.write(lambda tx: tx.run("UPDATE daemon_state SET value = 'junk'").rowcount)
    with anyio.fail_after(10):
        assert await chores.life() == [1]


def test_a_session_used_after_it_was_found_due_is_not_deleted(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "file", isolation_level=None)
    for script in load_migrations():
        connection.executescript(script)
    tx = Tx(connection, HandClock().now)
    session = create(tx, bot_id="default")
    later = Tx(connection, tx.now + 31 * DAY)
    [due] = expired(later, 30 * DAY)
    touch(later, session.id)
    assert delete_if_unused(later, due) is False
    [again] = expired(Tx(connection, later.now + 31 * DAY), 30 * DAY)
    assert delete_if_unused(later, again) is True
    connection.close()
