"""One test for each row of the requirements that came from boternity (C1 to C9), and cherry2k's row A10."""

import signal
import sqlite3
from typing import Any

import pytest

from segue.errors import Conflict, NotFound
from segue.timestamps import timestamp
from tests.support.clock import MINUTE, SECOND
from tests.support.disconnect import part
from tests.support.inprocess import Server
from tests.support.process import Segued
from tests.support.wire import Wire


def append(wire: Wire, session: str, role: str = "user", content: str = "x", **more: Any) -> int:
    found: int = wire.call("message.append", session_id=session, role=role, content=content, **more)["message_id"]
    return found


def contents(wire: Wire, **filter: Any) -> list[str]:
    return [message["content"] for message in wire.call("message.list", **filter)["messages"]]


def test_a10_summary_messages_messages_in_order_since_a_time_counted_and_deleted_before_an_id(
    server: Server, wire: Wire
) -> None:
    session = wire.call("session.create")["id"]
    append(wire, session, content="one")
    server.clock.pass_time(SECOND)
    append(wire, session, "assistant", "two")
    at = server.clock.at
    server.clock.pass_time(SECOND)
    summary = append(wire, session, "system", "one and two", is_summary=True)
    append(wire, session, content="three")
    assert contents(wire, session_id=session) == ["one", "two", "one and two", "three"]
    assert contents(wire, session_id=session, since=at) == ["one and two", "three"]
    stored = wire.call("message.get", message_id=summary)
    assert (stored["role"], stored["is_summary"]) == ("system", True)
    assert wire.call("message.count", session_id=session) == {"count": 4}
    assert wire.call("message.delete_before", session_id=session, before_id=summary) == {"deleted": 2}
    assert contents(wire, session_id=session) == ["one and two", "three"]
    assert wire.call("message.count", session_id=session) == {"count": 2}


def test_c1_bots_own_sessions_and_a_deleted_bot_takes_its_sessions_and_memories_along(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    hers = [wire.call("session.create", bot_id="ada")["id"] for _ in range(2)]
    mine = wire.call("session.create")
    for session in hers:
        wire.call("memory.save", bot_id="ada", session_id=session, fact=f"of {session}", category="fact", importance=1)
    kept = wire.call("memory.save", fact="mine", category="fact", importance=1)
    assert [one["id"] for one in wire.call("session.list", bot_id="ada")["sessions"]] == hers[::-1]
    assert wire.call("bot.delete", bot_id="ada") == {"deleted": True, "sessions_deleted": 2, "memories_deleted": 2}
    assert [one["id"] for one in wire.call("session.list")["sessions"]] == [mine["id"]]
    assert wire.call("memory.list") == {"memories": [kept], "total": 1}
    assert wire.call("memory.list", bot_id="ada") == {"memories": [], "total": 0}


def test_c2_a_session_has_status_end_token_totals_message_count_and_model(server: Server, wire: Wire) -> None:
    session = wire.call("session.create", model="opus")
    assert (session["status"], session["ended_at"], session["model"]) == ("active", None, "opus")
    append(wire, session["id"], input_tokens=100)
    append(wire, session["id"], "assistant", input_tokens=20, output_tokens=300)
    server.clock.pass_time(MINUTE)
    ended = wire.call("session.end", session_id=session["id"])
    assert (ended["status"], ended["ended_at"]) == ("completed", server.clock.at)
    assert (ended["input_tokens"], ended["output_tokens"], ended["message_count"]) == (120, 300, 2)
    wire.call("session.resume", session_id=session["id"])
    other = server.connect()
    other.call("session.attach", session_id=session["id"])
    part(other, wire)
    crashed = wire.call("session.get", session_id=session["id"])
    assert (crashed["status"], crashed["ended_at"]) == ("crashed", server.clock.at)


def test_c3_a_message_has_its_tokens_model_stop_reason_and_response_time(wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    given: dict[str, Any] = {
        "input_tokens": 11,
        "output_tokens": 22,
        "model": "opus",
        "stop_reason": "end_turn",
        "response_ms": 987,
    }
    stored = wire.call("message.get", message_id=append(wire, session, "assistant", **given))
    assert {name: stored[name] for name in given} == given


def test_c4_every_message_that_was_answered_survives_a_kill_and_none_waits_for_the_end_of_its_session(
    segued: Segued,
) -> None:
    expected = []
    for life in range(3):
        wire = segued.start().connect()
        session = wire.call("session.resolve", working_dir="/x")["session"]["id"]
        for index in range(5):
            append(wire, session, content=f"{life}-{index}")
            expected.append(f"{life}-{index}")
        assert segued.kill() == -signal.SIGKILL
    wire = segued.start().connect()
    assert contents(wire, session_id=session) == expected
    assert wire.call("session.get", session_id=session)["status"] == "active"


def test_c5_memories_have_category_importance_source_successor_and_manual_flag_and_are_ordered_and_deleted(
    wire: Wire,
) -> None:
    session = wire.call("session.create")["id"]
    source = append(wire, session)
    saved = [
        wire.call("memory.save", fact=f"{index}", category=category, importance=importance, **more)
        for index, (category, importance, more) in enumerate(
            [
                ("preference", 2, {"session_id": session, "source_message_id": source}),
                ("fact", 5, {}),
                ("decision", 2, {"is_manual": True}),
                ("context", 1, {"session_id": session}),
            ]
        )
    ]
    assert (saved[0]["source_message_id"], saved[2]["is_manual"]) == (source, True)
    assert [memory["fact"] for memory in wire.call("memory.list")["memories"]] == ["1", "2", "0", "3"]
    assert [memory["fact"] for memory in wire.call("memory.list", session_id=session)["memories"]] == ["0", "3"]
    new = wire.call("memory.save", fact="4", category="correction", importance=5, supersedes=saved[1]["id"])
    assert wire.call("memory.get", memory_id=saved[1]["id"])["superseded_by"] == new["id"]
    assert wire.call("memory.delete", memory_id=saved[2]["id"]) == {"deleted": True}
    assert [memory["fact"] for memory in wire.call("memory.list")["memories"]] == ["4", "0", "3"]
    assert wire.call("memory.delete_all", bot_id="default") == {"deleted": 4}


def test_c6_a_pending_extraction_is_tried_three_times_with_the_next_time_and_the_error_kept(
    server: Server, wire: Wire
) -> None:
    session = wire.call("session.create")["id"]
    entry = wire.call("extraction.enqueue", session_id=session)["id"]
    for attempt in (1, 2, 3):
        assert [one["id"] for one in wire.call("extraction.claim")["extractions"]] == [entry]
        failed = wire.call("extraction.fail", extraction_id=entry, error=f"error {attempt}")
        due = server.clock.now + MINUTE * 4 ** (attempt - 1)
        assert (failed["attempt_count"], failed["error_message"]) == (attempt, f"error {attempt}")
        assert (failed["last_attempt_at"], failed["next_attempt_at"]) == (server.clock.at, timestamp(due))
        assert wire.call("extraction.claim") == {"extractions": []}
        server.clock.pass_time(due - server.clock.now)
    assert wire.call("extraction.claim") == {"extractions": []}
    with pytest.raises(Conflict) as caught:
        wire.call("extraction.fail", extraction_id=entry, error="a fourth")
    assert caught.value.data == {"reason": "exhausted"}
    assert wire.call("extraction.list", include_exhausted=True) == {"extractions": [failed], "total": 1}


def test_c7_summaries_have_a_range_and_a_token_count_and_the_newest_of_a_session_is_found(wire: Wire) -> None:
    session, other = (wire.call("session.create")["id"] for _ in range(2))
    ids = [append(wire, session) for _ in range(3)]
    common = {"session_id": session, "summary": "s", "token_count": 9}
    wire.call("summary.save", messages_start=ids[0], messages_end=ids[1], **common)
    newest = wire.call("summary.save", messages_start=ids[1], messages_end=ids[2], **common)
    assert (newest["messages_start"], newest["messages_end"], newest["token_count"]) == (ids[1], ids[2], 9)
    assert wire.call("summary.latest", session_id=session) == newest
    assert wire.call("summary.latest", session_id=other) is None
    with pytest.raises(NotFound):
        wire.call("summary.latest", session_id="nope")


def test_c8_readers_are_served_while_the_writer_waits(server: Server, wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    append(wire, session, content="before")
    outsider = sqlite3.connect(server.database, isolation_level=None)
    outsider.execute("BEGIN IMMEDIATE")
    writing = server.connect()
    writing.post("message.append", session_id=session, role="user", content="waits")
    for _ in range(20):
        assert contents(wire, session_id=session) == ["before"]
        assert wire.call("session.get", session_id=session)["message_count"] == 1
    outsider.execute("ROLLBACK")
    outsider.close()
    assert writing.answer()["result"]["session_id"] == session
    assert contents(wire, session_id=session) == ["before", "waits"]


def test_c9_sessions_are_listed_by_limit_and_offset_and_the_active_ones_of_a_bot(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    hers = [wire.call("session.create", bot_id="ada")["id"] for _ in range(5)]
    wire.call("session.create")
    for session, status in ((hers[0], "completed"), (hers[3], "crashed")):
        wire.call("session.end", session_id=session, status=status)

    def listed(**params: Any) -> tuple[list[str], int]:
        page = wire.call("session.list", bot_id="ada", **params)
        return [one["id"] for one in page["sessions"]], page["total"]

    assert listed(limit=2) == ([hers[4], hers[3]], 5)
    assert listed(limit=2, offset=2) == ([hers[2], hers[1]], 5)
    assert listed(limit=2, offset=4) == ([hers[0]], 5)
    assert listed(status="active") == ([hers[4], hers[2], hers[1]], 3)
    assert listed(status="active", limit=1, offset=1) == ([hers[2]], 3)
