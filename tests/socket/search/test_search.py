"""Search beside changes: deletions, forks, a damaged index, damaged rows, limits."""

import sqlite3
from contextlib import closing

import pytest

from segue.errors import InvalidParams
from tests.socket.search.calls import append, find
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

SOUND = {"ok": True, "problems": []}
HERE = "/srv/here"


def test_a_hit_names_its_message_and_session(server: Server, wire: Wire, session: str) -> None:
    made = append(wire, session, "How do I sort a dict by value?")
    page = wire.call("message.search", query="sort dict")
    score = page["hits"][0].pop("score")
    assert score > 0
    assert page == {
        "hits": [
            {
                "message_id": made, "session_id": session, "session_name": "plain", "working_dir": HERE, "role": "user",
                "created_at": server.clock.at,
                "snippet": "How do I \ue000sort\ue001 a \ue000dict\ue001 by value?", "matched": ["sort", "dict"],
            }
        ],
        "total": 1,
        "sessions": [],
        "suggestions": [],
        "next_cursor": None,
    }  # fmt: skip


def test_a_long_query_is_searched_and_a_longer_one_refused(
    wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.api.message.SLOW_SECONDS", TIMEOUT_SECONDS)
    text = " ".join(f"word{index}" for index in range(3000))
    made = append(wire, session, text)
    assert find(wire, text) == [made]
    assert find(wire, f"{text} more") == []
    assert find(wire, "x" * 200_000) == []
    for query in ('"' + "a " * 5000 + '"', " ".join(f"w{index}" for index in range(5000)), "x" * 300_000):
        with pytest.raises(InvalidParams) as caught:
            wire.call("message.search", query=query)
        assert caught.value.data["path"] == "$.query"


def test_a_row_that_cannot_be_decoded_is_left_out_and_logged_once(
    server: Server, wire: Wire, session: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = [append(wire, session, f"zebra {number}") for number in range(3)]
    assert len(find(wire, "zebra")) == 3
    damage(server, f"UPDATE messages SET created_at = '2026-11-21 05:00' WHERE id = {made[1]}")
    assert find(wire, "zebra") == find(wire, "zebra") == [made[2], made[0]]
    damage(server, f"UPDATE sessions SET name = CAST(x'7a65ff' AS TEXT) WHERE id = '{session}'")
    assert find(wire, "zebra") == [made[2], made[0]]
    logged = [record.getMessage() for record in caplog.records if "cannot be decoded" in record.getMessage()]
    assert logged == [f"damaged row: message {made[1]} cannot be decoded; results omit it"]


def test_a_search_that_takes_too_long_is_refused(wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append(wire, session, "zebra")
    assert len(find(wire, "zebra")) == 1
    monkeypatch.setattr("segue.store.search.time_limit.PROGRESS_STEPS", 1)
    monkeypatch.setattr("segue.api.message.QUICK_SECONDS", 0)
    assert len(find(wire, "zebra")) == 1, "a slow search has a connection of its own"
    monkeypatch.setattr("segue.api.message.SLOW_SECONDS", 0)
    with pytest.raises(InvalidParams, match="fewer or rarer words"):
        wire.call("message.search", query="zebra")


def test_deleted_messages_and_sessions_neither_appear_nor_count(wire: Wire, session: str) -> None:
    many = [{"role": "user", "content": f"zebra {index}"} for index in range(600)]
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    other = append(wire, wire.call("session.create")["id"], "zebra elsewhere")
    assert wire.call("message.search", query="zebra")["total"] == 601
    wire.call("message.delete_before", session_id=session, before_id=made[-1])
    assert sorted(find(wire, "zebra")) == [made[-1], other]
    assert find(wire, "zebra", session_id=session) == [made[-1]]
    wire.call("session.delete", session_id=session)
    assert find(wire, "zebra") == [other]
    assert wire.call("daemon.check", full=True) == SOUND


def test_a_message_of_another_connection_is_found(server: Server, wire: Wire, session: str) -> None:
    with server.connect() as other:
        for number in range(50):
            made = append(other, session, f"zebra number{number}")
            assert find(wire, f"number{number}") == [made]


def test_a_fork_is_found_beside_its_origin(wire: Wire, session: str) -> None:
    append(wire, session, "zebra")
    fork = wire.call("session.fork", session_id=session, name="copy")["id"]
    assert len(find(wire, "zebra")) == 2
    assert len(find(wire, "zebra", session_id=fork)) == len(find(wire, "zebra copy")) == 1


def test_a_full_check_reports_and_rebuilds_a_damaged_index(server: Server, wire: Wire, session: str) -> None:
    made = [append(wire, session, f"zebra {number}") for number in range(50)]
    assert len(find(wire, "zebra")) == 50
    damage(server, "UPDATE message_words_data SET block = zeroblob(length(block)) WHERE id > 100")
    found = wire.call("daemon.check", full=True)
    assert found["ok"] is False
    assert all("search index" in problem for problem in found["problems"])
    assert sorted(find(wire, "zebra")) == made
    assert wire.call("daemon.check", full=True) == SOUND


@pytest.mark.parametrize("table", ["message_words_data", "message_words_config"])
def test_a_search_rebuilds_a_damaged_index(server: Server, wire: Wire, session: str, table: str) -> None:
    made = [append(wire, session, f"zebra {number}") for number in range(50)]
    assert len(find(wire, "zebra")) == 50
    server.stop()
    damage(server, f"DELETE FROM {table}")
    server.start()
    wire = server.connect()
    assert sorted(find(wire, "zebra")) == made
    assert wire.call("daemon.check", full=True) == SOUND


def test_the_daemon_updates_the_index_in_the_background(server: Server, wire: Wire, session: str) -> None:
    last = append(wire, session, "zebra")
    with closing(sqlite3.connect(server.database)) as connection:
        wait_until(lambda: connection.execute("SELECT upto FROM search_progress").fetchone() == (last,))
        wire.call("session.delete", session_id=session)
        wait_until(lambda: connection.execute("SELECT merging FROM search_progress").fetchone() == ("no",))
        wait_until(lambda: connection.execute("SELECT count(*) FROM search_sessions").fetchone() == (0,))


def damage(server: Server, sql: str) -> None:
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute(sql)
