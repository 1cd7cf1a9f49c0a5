"""Attached sessions: one whose last client vanishes has crashed, in every other case nothing happens to it."""

import json
from typing import Any

import pytest

from segue.config import Config, SessionConfig
from segue.errors import NotFound
from tests.socket.records.conftest import HERE
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.deadline import wait_until
from tests.support.disconnect import part, restart_cleanly
from tests.support.inprocess import Server
from tests.support.wire import Wire


def get(wire: Wire, session: str) -> Any:
    return wire.call("session.get", session_id=session)


def attached_by(server: Server, session: str) -> Wire:
    """Return a second connection that has the session attached."""
    other = server.connect()
    other.call("session.attach", session_id=session)
    return other


def test_an_attach_gives_the_session_and_changes_nothing_whatever_its_status(server: Server, wire: Wire) -> None:
    for status in ("active", "completed", "crashed"):
        session = wire.call("session.create", id=status)
        if status != "active":
            session = wire.call("session.end", session_id=status, status=status)
        server.clock.pass_time(SECOND)
        assert wire.call("session.attach", session_id=status) == session
        assert wire.call("session.detach", session_id=status) == {}
        assert get(wire, status) == session


def test_a_connection_that_closes_leaves_what_it_had_attached_crashed(server: Server, wire: Wire, session: str) -> None:
    untouched = wire.call("session.create")
    before = get(wire, session)
    other = attached_by(server, session)
    server.clock.pass_time(MINUTE)
    part(other, wire)
    at = server.clock.at
    assert get(wire, session) == {**before, "status": "crashed", "ended_at": at, "updated_at": at}
    assert get(wire, untouched["id"]) == untouched


def test_everything_that_a_connection_had_attached_crashes_with_it(server: Server, wire: Wire) -> None:
    made = [wire.call("session.create")["id"] for _ in range(5)]
    other = server.connect()
    for session in made[:4]:
        other.call("session.attach", session_id=session)
    other.call("session.detach", session_id=made[3])
    part(other, wire)
    assert [get(wire, session)["status"] for session in made] == ["crashed"] * 3 + ["active"] * 2


@pytest.mark.parametrize("farewell", ["session.end", "session.detach"])
def test_a_connection_that_ends_or_detaches_first_leaves_the_session_as_that_left_it(
    server: Server, wire: Wire, session: str, farewell: str
) -> None:
    other = attached_by(server, session)
    other.call(farewell, session_id=session)
    left = get(wire, session)
    server.clock.pass_time(MINUTE)
    part(other, wire)
    assert get(wire, session) == left
    assert left["status"] == ("completed" if farewell == "session.end" else "active")


def test_an_end_detaches_so_that_a_later_resume_is_not_undone_by_the_closing(
    server: Server, wire: Wire, session: str
) -> None:
    other = attached_by(server, session)
    other.call("session.end", session_id=session)
    resumed = other.call("session.resume", session_id=session)
    part(other, wire)
    assert get(wire, session) == resumed


def test_a_half_closed_connection_is_done_when_it_is_answered_and_crashes_the_session_then(
    server: Server, wire: Wire, session: str
) -> None:
    with server.connect() as other:
        other.post("session.attach", session_id=session)
        other.half_close()
        assert other.rest()[0]["result"]["status"] == "active"
    wait_until(lambda: bool(get(wire, session)["status"] == "crashed"))


def test_a_session_that_two_connections_have_attached_crashes_with_the_second(
    server: Server, wire: Wire, session: str
) -> None:
    first, second = attached_by(server, session), attached_by(server, session)
    before = get(wire, session)
    part(first, wire)
    assert get(wire, session) == before
    part(second, wire)
    assert get(wire, session)["status"] == "crashed"


def test_a_session_that_one_of_two_detached_crashes_with_the_other(server: Server, wire: Wire, session: str) -> None:
    first, second = attached_by(server, session), attached_by(server, session)
    second.call("session.detach", session_id=session)
    part(second, wire)
    assert get(wire, session)["status"] == "active"
    part(first, wire)
    assert get(wire, session)["status"] == "crashed"


def test_attaching_twice_is_once(server: Server, wire: Wire, session: str) -> None:
    twice = attached_by(server, session)
    twice.call("session.attach", session_id=session)
    twice.call("session.detach", session_id=session)
    part(twice, wire)
    assert get(wire, session)["status"] == "active"


def test_a_detach_of_what_another_connection_attached_changes_nothing(server: Server, wire: Wire, session: str) -> None:
    other = attached_by(server, session)
    assert wire.call("session.detach", session_id=session) == {}
    part(other, wire)
    assert get(wire, session)["status"] == "crashed"


def test_a_session_that_is_not_active_when_its_connection_closes_stays_as_it_is(
    server: Server, wire: Wire, session: str
) -> None:
    other = attached_by(server, session)
    ended = wire.call("session.end", session_id=session)
    server.clock.pass_time(MINUTE)
    part(other, wire)
    assert get(wire, session) == ended


def test_a_crashed_session_that_was_appended_to_while_attached_crashes_again(
    server: Server, wire: Wire, session: str
) -> None:
    wire.call("session.end", session_id=session, status="crashed")
    other = attached_by(server, session)
    other.call("message.append", session_id=session, role="user", content="x")
    assert get(wire, session)["status"] == "active"
    server.clock.pass_time(MINUTE)
    part(other, wire)
    found = get(wire, session)
    assert (found["status"], found["ended_at"]) == ("crashed", server.clock.at)


def test_a_crashed_session_is_continued_by_its_directory(server: Server, wire: Wire, session: str) -> None:
    part(attached_by(server, session), wire)
    found = wire.call("session.resolve", working_dir=HERE)
    assert (found["session"]["id"], found["resumed"], found["session"]["status"]) == (session, True, "active")


@pytest.mark.parametrize("method", ["session.attach", "session.detach"])
def test_an_unknown_session_is_not_found_and_leaves_nothing_behind(server: Server, wire: Wire, method: str) -> None:
    other = server.connect()
    with pytest.raises(NotFound) as caught:
        other.call(method, session_id="later")
    assert caught.value.data == {"what": "session", "id": "later"}
    made = wire.call("session.create", id="later")
    part(other, wire)
    assert get(wire, "later") == made


def test_a_session_that_is_deleted_while_attached_is_gone_and_its_connection_closes_in_peace(
    server: Server, wire: Wire, session: str
) -> None:
    other = attached_by(server, session)
    wire.call("session.delete", session_id=session)
    with pytest.raises(NotFound):
        other.call("session.detach", session_id=session)
    part(other, wire)
    assert wire.call("session.list")["total"] == 0
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_new_session_of_a_deleted_one_s_id_is_not_attached_by_the_old_one_s_connection(
    server: Server, wire: Wire
) -> None:
    wire.call("session.create", id="mine")
    other = attached_by(server, "mine")
    wire.call("session.delete", session_id="mine")
    made = wire.call("session.create", id="mine")
    part(other, wire)
    assert get(wire, "mine") == made


def test_a_connection_of_a_deleted_session_does_not_keep_the_new_one_of_its_id_from_crashing_or_being_cleaned_up(
    server: Server, wire: Wire
) -> None:
    wire.call("session.create", id="mine")
    stale = attached_by(server, "mine")
    wire.call("session.delete", session_id="mine")
    wire.call("session.create", id="mine")
    part(attached_by(server, "mine"), wire)
    assert get(wire, "mine")["status"] == "crashed"
    wire.call("session.attach", session_id="mine")
    wire.call("session.detach", session_id="mine")
    server.clock.pass_time(31 * DAY)
    assert wire.call("session.cleanup")["session_ids"] == ["mine"]
    assert stale.call("daemon.ping") == "pong"


def test_a_daemon_that_exits_cleanly_detaches_all(server: Server, wire: Wire, session: str) -> None:
    attached_by(server, session)
    wire.call("session.attach", session_id=session)
    before = get(wire, session)
    server.clock.pass_time(HOUR)
    restart_cleanly(server)
    wire = server.connect()
    assert get(wire, session) == before
    server.clock.pass_time(31 * DAY)
    assert wire.call("session.cleanup")["session_ids"] == [session]


def test_an_attach_that_is_answered_while_the_daemon_leaves_crashes_nothing(
    server: Server, wire: Wire, session: str
) -> None:
    before = get(wire, session)
    requests: list[dict[str, Any]] = [{"method": "daemon.shutdown"}, *[{"method": "session.list"}] * 200]
    attach = {"method": "session.attach", "params": {"session_id": session}}
    lines = [{"jsonrpc": "2.0", "id": id, **one} for id, one in enumerate([*requests, attach])]
    wire.send(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    answers = wire.rest()
    assert (len(answers), answers[-1]["result"]) == (202, before)
    server.restart()
    assert get(server.connect(), session) == before


class TestRetention:
    @pytest.fixture
    def config(self) -> Config:
        return Config(session=SessionConfig(max_sessions=1))

    def test_attached_and_pinned_sessions_outlive_cleanup_memories_outlive_sessions_and_entries_do_not(
        self, server: Server, wire: Wire
    ) -> None:
        for id, pinned in (("old", False), ("attached", False), ("pinned", True)):
            wire.call("session.create", id=id, pinned=pinned)
            message = wire.call("message.append", session_id=id, role="user", content="x")["message_id"]
            wire.call("extraction.enqueue", session_id=id)
            wire.call(
                "memory.save", session_id=id, source_message_id=message, fact=id, category="fact", importance=1
            )  # fmt: skip
            wire.call(
                "summary.save", session_id=id, summary=id, messages_start=message, messages_end=message, token_count=1
            )
        other = attached_by(server, "attached")
        memories, entries = wire.call("memory.list"), wire.call("extraction.list")["extractions"]
        server.clock.pass_time(30 * DAY + 1)
        for id in ("newer", "newest"):
            wire.call("session.create", id=id)
        result = {"sessions_deleted": 2, "by_retention": 1, "by_max_sessions": 1, "session_ids": ["old", "newer"]}
        assert wire.call("session.cleanup", dry_run=True) == result
        assert wire.call("session.cleanup") == result
        assert {one["id"] for one in wire.call("session.list")["sessions"]} == {"attached", "pinned", "newest"}
        assert wire.call("memory.list") == memories
        assert wire.call("extraction.list")["extractions"] == entries[1:]
        for id in ("attached", "pinned"):
            assert wire.call("summary.latest", session_id=id)["summary"] == id
            assert wire.call("message.count", session_id=id) == {"count": 1}
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        part(other, wire)
        assert wire.call("session.cleanup")["session_ids"] == ["attached"]
        assert wire.call("memory.list") == memories
