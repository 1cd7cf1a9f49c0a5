"""Pages of hits: filters, order, cursors, counts, suggestions."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.errors import InvalidParams
from tests.socket.search.calls import append, find
from tests.support.clock import DAY, SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_filters_narrow_and_unknown_ones_give_nothing(server: Server, wire: Wire) -> None:
    wire.call("bot.create", bot_id="helper")
    one = wire.call("session.create", working_dir="/srv/a", name="n")["id"]
    two = wire.call("session.create", working_dir="/srv/b", bot_id="helper", name="n")["id"]
    a, b = append(wire, one, "zebra", role="user"), append(wire, two, "zebra", role="assistant")
    assert find(wire, "zebra") == [b, a]
    assert find(wire, "zebra", session_id=one) == [a]
    assert find(wire, "zebra", working_dir="/srv//x/../b/") == [b]
    assert find(wire, "zebra", bot_id="helper") == [b]
    assert find(wire, "zebra", bot_id="default", role="user") == [a]
    assert find(wire, "zebra", role="tool") == []
    assert find(wire, "zebra", session_id=one, working_dir="/srv/b") == []
    for unknown in ({"session_id": "nobody"}, {"working_dir": "/none"}, {"bot_id": "nobody"}):
        assert find(wire, "zebra", **unknown) == []
    nulls = dict.fromkeys(["session_id", "working_dir", "bot_id", "role", "since", "until"])
    assert find(wire, "zebra", **nulls) == [b, a]


def test_since_is_exclusive_and_until_inclusive(server: Server, wire: Wire, session: str) -> None:
    times, made = [], []
    for _ in range(3):
        times.append(server.clock.at)
        made.append(append(wire, session, "zebra"))
        server.clock.pass_time(SECOND)
    assert find(wire, "zebra", since=times[0]) == [made[2], made[1]]
    assert find(wire, "zebra", until=times[1]) == [made[1], made[0]]
    assert find(wire, "zebra", since=times[0], until=times[1]) == [made[1]]
    assert find(wire, "zebra", since=times[2]) == []
    assert find(wire, "zebra", since=times[1], until=times[0]) == []


def test_times_are_those_of_the_messages_even_where_ids_do_not_follow_them(server: Server, wire: Wire) -> None:
    session = wire.call("session.create", name="n")["id"]
    many = [{"role": "user", "content": "zebra"}] * 1000
    for _ in range(3):
        wire.call("message.append_many", session_id=session, messages=many)
    early = server.clock.at
    server.clock.pass_time(DAY)
    fork = wire.call("session.fork", session_id=session)["id"]
    server.clock.jump(-2 * DAY)
    back = append(wire, session, "zebra")
    server.clock.jump(2 * DAY)
    late = append(wire, session, "zebra")
    assert wire.call("message.search", query="zebra", until=early)["total"] == 6001
    assert wire.call("message.search", query="zebra", until=early, session_id=fork)["total"] == 3000
    assert find(wire, "zebra", since=early) == [late]
    page = wire.call("message.search", query="zebra", since=server.clock.at)
    assert (page["hits"], page["total"]) == ([], 0)
    server.clock.jump(-3 * DAY)
    assert wire.call("message.search", query="zebra", since=server.clock.at, until=early)["total"] == 6001
    assert back < late


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({}, "$.query"),
        ({"query": 5}, "$.query"),
        ({"query": "x", "order": "worst"}, "$.order"),
        ({"query": "x", "match": "exact"}, "$.match"),
        ({"query": "x", "marks": ["a"]}, "$.marks"),
        ({"query": "x", "cursor": "x"}, "$.cursor"),
        ({"query": "x", "cursor": "words-newest.5.0"}, "$.cursor"),
        ({"query": "x", "limit": 0}, "$.limit"),
        ({"query": "x", "limit": 201}, "$.limit"),
        ({"query": "x", "offset": -1}, "$.offset"),
        ({"query": "x", "role": "User"}, "$.role"),
        ({"query": "x", "working_dir": "x"}, "$.working_dir"),
        ({"query": "x", "session_id": "-x"}, "$.session_id"),
        ({"query": "x", "since": "yesterday"}, "$.since"),
        ({"query": "x", "until": "2026-13-01T00:00:00.000Z"}, "$.until"),
    ],
)
def test_a_wrong_parameter_is_named(wire: Wire, params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.search", **params)
    assert caught.value.data["path"] == path


def test_a_session_that_moves_takes_its_messages_along(wire: Wire) -> None:
    session = wire.call("session.create", working_dir="/srv/a", name="n")["id"]
    many = [{"role": "user", "content": "zebra"}] * 100
    wire.call("message.append_many", session_id=session, messages=many)
    assert len(find(wire, "zebra", working_dir="/srv/a")) == 100
    wire.call("session.update", session_id=session, working_dir="/srv/b")
    assert (len(find(wire, "zebra", working_dir="/srv/b")), find(wire, "zebra", working_dir="/srv/a")) == (100, [])
    wire.call("session.resume", session_id=session, working_dir="/srv/a")
    assert (len(find(wire, "zebra", working_dir="/srv/a")), find(wire, "zebra", working_dir="/srv/b")) == (100, [])
    wire.call("session.update", session_id=session, working_dir=None)
    assert find(wire, "zebra", working_dir="/srv/a") == []
    assert wire.call("message.search", query="zebra")["hits"][0]["working_dir"] is None


def test_the_best_come_first_and_among_equals_the_newest(wire: Wire, session: str) -> None:
    filler = " ".join(["padding"] * 100)
    long = append(wire, session, f"zebra {filler}")
    often = append(wire, session, "zebra zebra zebra")
    first = append(wire, session, "a zebra")
    second = append(wire, session, "a zebra")
    assert find(wire, "zebra") == [often, second, first, long]
    apart = append(wire, session, "lion and also some tiger")
    together = append(wire, session, "here is the lion tiger ok")
    assert find(wire, "lion tiger") == [together, apart]
    newer_apart = append(wire, session, "lion and also some tiger")
    assert find(wire, "lion tiger") == [together, newer_apart, apart]


def test_of_more_than_a_thousand_matches_the_newest_thousand_are_given_in_pages(wire: Wire, session: str) -> None:
    oldest = append(wire, session, "zebra zebra zebra zebra")
    many = [{"role": "user", "content": "zebra"}] * 1000
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    found = []
    for offset in range(0, 1001, 200):
        page = wire.call("message.search", query="zebra", limit=200, offset=offset)
        assert page["total"] == 1001
        found += [hit["message_id"] for hit in page["hits"]]
    assert found == made[::-1]
    assert oldest not in found
    page = wire.call("message.search", query="zebra", offset=2**63 - 1)
    assert (page["hits"], page["total"]) == ([], 1001)


@pytest.mark.parametrize("order", ["best", "newest", "oldest"])
def test_a_cursor_leads_through_all_matches(wire: Wire, session: str, order: str) -> None:
    many = [{"role": "user", "content": "zebra"}] * 1000
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    made += wire.call("message.append_many", session_id=session, messages=many[:150])["message_ids"]
    found: list[int] = []
    cursor = None
    while True:
        page = wire.call("message.search", query="zebra", limit=200, order=order, cursor=cursor)
        assert page["total"] == 1150
        found += [hit["message_id"] for hit in page["hits"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == (made if order == "oldest" else made[::-1])


def test_matches_are_given_in_order_of_time(wire: Wire, session: str) -> None:
    made = [append(wire, session, content) for content in ("zebra", "zebra zebra zebra", "zebra and more")]
    assert find(wire, "zebra", order="oldest") == made
    assert find(wire, "zebra", order="newest") == made[::-1]
    assert find(wire, "zebra", order="best")[0] == made[1]
    page = wire.call("message.search", query="zebra", order="newest", offset=1, limit=1)
    assert [hit["message_id"] for hit in page["hits"]] == [made[1]]


def test_matches_are_not_counted_if_not_wanted(wire: Wire, session: str) -> None:
    made = append(wire, session, "zebra")
    page = wire.call("message.search", query="zebra", count=False)
    assert (page["total"], [hit["message_id"] for hit in page["hits"]]) == (None, [made])
    assert wire.call("message.search", query="lion", count=False)["hits"] == []


def test_a_hit_names_the_words_found(wire: Wire, session: str) -> None:
    append(wire, session, "the quick brown zebra")
    (hit,) = wire.call("message.search", query='Zebra "quick brown" bro*')["hits"]
    assert hit["matched"] == ["Zebra", "quick brown", "bro*"]


def test_marks_are_those_given(wire: Wire, session: str) -> None:
    append(wire, session, "a zebra \ue000 b")
    for marks, shown in ((["<b>", "</b>"], "a <b>zebra</b> \ue000 b"), (["", ""], "a zebra \ue000 b")):
        assert wire.call("message.search", query="zebra", marks=marks)["hits"][0]["snippet"] == shown


@pytest.mark.parametrize(
    ("query", "suggestions"),
    [
        ("zeb", ["zeb*"]),
        ("zebras lion", ["zebra* lion", "lion"]),
        ("zebra nothing", ["zebra"]),
        ('"zebra lion" a', ["a"]),
        ("unknown", []),
        ("zebra nothing never lion", ["zebra lion"]),
        ("zebra", []),
        ("", []),
    ],
)
def test_a_blank_result_suggests_queries_with_hits(
    wire: Wire, session: str, query: str, suggestions: list[str]
) -> None:
    append(wire, session, "a zebra and a lion")
    found = wire.call("message.search", query=query)["suggestions"]
    assert found == suggestions
    for suggestion in found:
        assert find(wire, suggestion)


def test_sessions_are_filtered_by_project_tags_and_source(server: Server, wire: Wire) -> None:
    sessions = {id: wire.call("session.create", id=id, name="zebra name")["id"] for id in ("one", "two", "three")}
    made = {id: append(wire, id, "zebra") for id in sessions}
    assert len(find(wire, "zebra")) == 3
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute("""UPDATE sessions SET project = '/p', tags = '["a","b"]' WHERE id = 'one'""")
        connection.execute("""UPDATE sessions SET source_tool = 'codex', source_id = 'x' WHERE id = 'two'""")
        connection.execute("""UPDATE sessions SET tags = '["b"]' WHERE id = 'three'""")
    for filter, ids in (
        ({"project": "/p"}, ["one"]),
        ({"project": "/"}, []),
        ({"tags": ["b"]}, ["three", "one"]),
        ({"tags": ["b", "a"]}, ["one"]),
        ({"source": "codex"}, ["two"]),
        ({"source": ""}, ["three", "one"]),
        ({"tags": [], "project": None, "source": None}, ["three", "two", "one"]),
    ):
        assert find(wire, "zebra", **filter) == [made[id] for id in ids], filter
        page = wire.call("message.search", query="zebra", **filter)
        assert [session["id"] for session in page["sessions"]] == ids, filter
    assert wire.call("daemon.check", full=True)["problems"] == []


def test_a_message_that_is_not_indexed_is_never_found(server: Server, wire: Wire, session: str) -> None:
    made = append(wire, session, "zebra")
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO messages (session_id, role, content, created_at, indexed)"
            f" VALUES ('{session}', 'user', 'zebra', '{server.clock.at}', 0)"
        )
    assert find(wire, "zebra") == [made]
    wire.call("session.delete", session_id=session)
    assert wire.call("daemon.check", full=True)["problems"] == []
