"""Search: which words find which messages, filters, order, snippets; deletions and changes are seen at once."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.errors import InvalidParams
from tests.support.clock import DAY, SECOND
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire

HERE = "/srv/here"
SOUND = {"ok": True, "problems": []}


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", working_dir=HERE, name="plain")["id"]
    return found


def append(wire: Wire, session: str, content: str, **more: Any) -> int:
    made: int = wire.call("message.append", **{"session_id": session, "role": "user", "content": content, **more})[
        "message_id"
    ]
    return made


def find(wire: Wire, query: str, **more: Any) -> list[int]:
    """The ids of the hits, which must be as many as the total."""
    page = wire.call("message.search", **{"query": query, "limit": 200, **more})
    assert page["total"] == len(page["hits"])
    return [hit["message_id"] for hit in page["hits"]]


def snippet(wire: Wire, query: str) -> str:
    (hit,) = wire.call("message.search", query=query)["hits"]
    shown: str = hit["snippet"]
    return shown.replace("\ue000", "[").replace("\ue001", "]")


def test_a_hit_says_where_it_was_found(server: Server, wire: Wire, session: str) -> None:
    made = append(wire, session, "How do I sort a dict by value?")
    page = wire.call("message.search", query="sort dict")
    score = page["hits"][0].pop("score")
    assert score > 0
    assert page == {
        "hits": [
            {
                "message_id": made, "session_id": session, "session_name": "plain", "working_dir": HERE, "role": "user",
                "created_at": server.clock.at,
                "snippet": "How do I \ue000sort\ue001 a \ue000dict\ue001 by value?",
            }
        ],
        "total": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "query"),
    [
        ("Grüße aus Köln", "grusse KOLN"),
        ("Grusse aus Koln", "Grüße köln"),
        ("STRASSE", "straße"),
        ("cafe\u0301 noir", "café"),
        ("ﬁnal \uff37\uff29\uff24\uff25 ²", "final wide 2"),
        ("İstanbul ΣΊΣΥΦΟΣ", "istanbul σισυφος"),
        ("the foo_bar function", "foo_bar"),
        ("the foo_bar function", "bar"),
        ("run it with --dry-run now", "--dry-run"),
        ("run it with --dry-run now", "dry"),
        ("import segue.client here", "segue.client"),
        ("import segue.client here", "client segue"),
        ("see a/path/like.this, then", "a/path/like.this"),
        ("see a/path/like.this, then", "like"),
        ("I don't know", "don't"),
        ("nothing is 100% sure: C++ & C#", "c++"),
        ("it went well 👍🏽 thanks", "👍"),
        ("family 👨‍👩‍👧!", "👩"),
        ("price 5€ → cheap", "5€"),
        ("price 5€ → cheap", "→"),
        ("今天天气很好", "天气"),
        ("今天天气很好", "天"),
        ("東京タワーへ行く", "タワー"),
        ("ﾀﾜｰ", "タワー"),
        ("오늘 날씨가 좋다", "날씨"),
        ("한국어".encode().decode(), "국어"),
        ("用Python编程", "python"),
        ("用Python编程", "用Python编"),
        ("AND OR NOT NEAR", "AND OR NOT"),
        ("alpha beta gamma", '"beta gamma"'),
        ("alpha, Beta gamma", '"alpha beta"'),
        ("executable", "exec*"),
        ("foo_barrier", "foo_bar*"),
        ("Überraschung", "über*"),
        ("zero\0byte", "byte"),
    ],
)
def test_a_message_is_found(wire: Wire, session: str, content: str, query: str) -> None:
    append(wire, session, "something else entirely")
    made = append(wire, session, content, role="assistant")
    assert find(wire, query) == [made]


@pytest.mark.parametrize(
    ("content", "query"),
    [
        ("alpha beta", "alpha gamma"),
        ("alphabet", "alpha"),
        ("alpha beta gamma", '"alpha gamma"'),
        ("beta alpha", '"alpha beta"'),
        ("bar foo", "foo_bar"),
        ("foobar", "foo_bar"),
        ("executable", "exec"),
        ("executable", "ex*"),
        ("executable", '"exec*"'),
        ("executable", "*able"),
        ("今天。天气", "天天"),
        ("今天 天气", "天天"),
        ("今天天气", "天今"),
        ("か", "が"),
        ("AND", "a OR b"),
        ("one", "NOT two"),
        ("words here", "tags"),
        ("user", "ruser"),
        ("x", ""),
        ("x", " \n\t"),
        ("x", "!!! ... *"),
        ("x", '"'),
        ("x", '""'),
        ("x", '"\0"'),
        ("· ‖", "·"),
        ("· ‖", "‖"),
    ],
)
def test_a_message_is_not_found(wire: Wire, session: str, content: str, query: str) -> None:
    append(wire, session, content, role="assistant")
    assert find(wire, query) == []


@pytest.mark.parametrize(
    "query",
    [
        '"',
        '"a" OR',
        "a AND (b",
        "words:a",
        "{words}: a",
        "a^2",
        "NEAR(a b)",
        "a + b",
        "-a",
        "'",
        "\ue000",
        "a\0b",
        ")",
        "**",
        '"a"*',
    ],
)
def test_no_query_is_an_error(wire: Wire, session: str, query: str) -> None:
    append(wire, session, "zebra")
    assert wire.call("message.search", query=query) == {"hits": [], "total": 0}


def test_a_long_query_is_searched_and_a_longer_one_refused(wire: Wire, session: str) -> None:
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
    logged = [record.getMessage() for record in caplog.records if "cannot decode" in record.getMessage()]
    assert logged == [f"search left out a message: cannot decode its row (id {made[1]})"]


def test_a_search_that_takes_too_long_is_refused(wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append(wire, session, "zebra")
    assert len(find(wire, "zebra")) == 1
    monkeypatch.setattr("segue.store.search.time_limit.PROGRESS_STEPS", 1)
    monkeypatch.setattr("segue.api.message.QUICK_SECONDS", 0)
    assert len(find(wire, "zebra")) == 1, "a slow search has a connection of its own"
    monkeypatch.setattr("segue.api.message.SLOW_SECONDS", 0)
    with pytest.raises(InvalidParams, match="fewer or rarer words"):
        wire.call("message.search", query="zebra")


def test_words_stand_in_parts_but_not_in_what_is_no_text(wire: Wire, session: str) -> None:
    parts = [
        {"type": "tool_use", "id": "call1", "name": "bash", "input": {"command": "ls kangaroo", "n": [1, ["wombat"]]}},
        {"type": "image", "url": "//koala", "data": "emu", "source": {"data": {"text": "quokka"}, "alt": "dingo"}},
        {"text": "x" * (64 * 1024 - 8) + " platypus"},
        {"text": "exactly " + "y" * (64 * 1024 - 8)},
    ]  # fmt: skip
    made = append(wire, session, "look", parts=parts)
    for word in ("kangaroo", "wombat", "bash", "dingo", "exactly", "look kangaroo dingo"):
        assert find(wire, word) == [made], word
    for word in (
        "tool_use",
        "call1",
        "koala",
        "emu",
        "quokka",
        "platypus",
        "command",
        '"look bash"',
        '"kangaroo wombat"',
    ):
        assert find(wire, word) == [], word
    assert snippet(wire, "wombat") == "[wombat]"


def test_a_word_of_the_sessions_name_counts_for_each_of_its_messages(wire: Wire) -> None:
    session = wire.call("session.create", name="Quarterly report")["id"]
    one, two = append(wire, session, "numbers first"), append(wire, session, "numbers again")
    assert find(wire, "quarterly") == [two, one]
    assert find(wire, "report first") == [one]
    assert find(wire, '"quarterly report"') == [two, one]
    assert find(wire, '"again quarterly"') == []
    (hit,) = wire.call("message.search", query="report first")["hits"]
    assert (hit["session_name"], hit["snippet"]) == ("Quarterly report", "numbers \ue000first\ue001")
    assert snippet(wire, "report again") == "numbers [again]"


def test_a_new_name_is_seen_at_once_and_the_old_one_no_more(wire: Wire) -> None:
    session = wire.call("session.create", name="Before")["id"]
    many = [{"role": "user", "content": f"entry {index}"} for index in range(150)]
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    assert len(find(wire, "before")) == 150
    wire.call("session.update", session_id=session, name="After")
    last = append(wire, session, "entry last")
    assert sorted(find(wire, "after")) == [*made, last]
    assert find(wire, "before") == []
    wire.call("session.update", session_id=session, name=None)
    assert find(wire, "after") == []
    assert wire.call("daemon.check", full=True) == SOUND


def test_the_name_that_a_session_finds_by_itself_counts_too(wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    first = append(wire, session, "be brief", role="system")
    assert find(wire, "aardvark") == []
    second = append(wire, session, "Aardvark care")
    assert sorted(find(wire, "aardvark")) == [first, second]


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
    assert page == {"hits": [], "total": 0}
    server.clock.jump(-3 * DAY)
    assert wire.call("message.search", query="zebra", since=server.clock.at, until=early)["total"] == 6001
    assert back < late


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({}, "$.query"),
        ({"query": 5}, "$.query"),
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
    assert wire.call("message.search", query="zebra", offset=2**63 - 1) == {"hits": [], "total": 1001}


def test_a_snippet_is_the_piece_with_the_most_words(wire: Wire, session: str) -> None:
    filler = " ".join(f"w{index}" for index in range(200))
    append(wire, session, f"zebra {filler} lion and zebra {filler}")
    shown = snippet(wire, "lion zebra")
    assert "[lion] and [zebra]" in shown
    assert len(shown) == 160 + 4


@pytest.mark.parametrize(
    ("content", "query", "shown"),
    [
        ("the foo_bar, Foo-Bar", "foo_bar", "the [foo_bar], [Foo-Bar]"),
        ("Executable files", "exec*", "[Executable] files"),
        ("e\u0301te\u0301 à la plage", "été", "[e\u0301te\u0301] à la plage"),
        ("今天天气很好", "天气", "今天[天气]很好"),
        ("한국어를 배운다", "국어", "한[국어]를 배운다"),
        ("ok 👍🏽 fine", "👍", "ok [👍]🏽 fine"),
        ("\uff37ide ½ x", "wide", "[\uff37ide] ½ x"),
        ("alpha beta gamma", '"alpha beta" "beta gamma"', "[alpha beta gamma]"),
        ("a \ue000zebra\ue001 b", "zebra", "a \ufffd[zebra]\ufffd b"),
        ("line one\n\tzebra  two", "zebra", "line one\n\t[zebra]  two"),
        ("zebra" * 100 + " lion", "lion", ("zebra" * 100)[-155:] + " [lion]"),
    ],
)
def test_a_snippet_marks_what_was_matched(wire: Wire, session: str, content: str, query: str, shown: str) -> None:
    append(wire, session, content, role="assistant")
    assert snippet(wire, query) == shown


def test_a_match_deep_in_a_long_message_is_shown(wire: Wire, session: str) -> None:
    for filler in ("padding ", "größer "):
        append(wire, session, filler * 50_000 + "the zebra" + filler * 100)
    for hit in wire.call("message.search", query="zebra")["hits"]:
        assert "the \ue000zebra\ue001" in hit["snippet"]


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


def test_what_was_appended_on_another_connection_is_found(server: Server, wire: Wire, session: str) -> None:
    with server.connect() as other:
        for number in range(50):
            made = append(other, session, f"zebra number{number}")
            assert find(wire, f"number{number}") == [made]


def test_a_fork_is_found_beside_its_origin(wire: Wire, session: str) -> None:
    append(wire, session, "zebra")
    fork = wire.call("session.fork", session_id=session, name="copy")["id"]
    assert len(find(wire, "zebra")) == 2
    assert len(find(wire, "zebra", session_id=fork)) == len(find(wire, "zebra copy")) == 1


def test_a_damaged_index_is_told_by_a_full_check_and_made_anew(server: Server, wire: Wire, session: str) -> None:
    made = [append(wire, session, f"zebra {number}") for number in range(50)]
    assert len(find(wire, "zebra")) == 50
    damage(server, "UPDATE message_words_data SET block = zeroblob(length(block)) WHERE id > 100")
    found = wire.call("daemon.check", full=True)
    assert found["ok"] is False
    assert all("search index" in problem for problem in found["problems"])
    assert sorted(find(wire, "zebra")) == made
    assert wire.call("daemon.check", full=True) == SOUND


@pytest.mark.parametrize("table", ["message_words_data", "message_words_config"])
def test_a_search_of_a_damaged_index_makes_it_anew(server: Server, wire: Wire, session: str, table: str) -> None:
    made = [append(wire, session, f"zebra {number}") for number in range(50)]
    assert len(find(wire, "zebra")) == 50
    server.stop()
    damage(server, f"DELETE FROM {table}")
    server.start()
    wire = server.connect()
    assert sorted(find(wire, "zebra")) == made
    assert wire.call("daemon.check", full=True) == SOUND


def test_the_index_comes_up_to_date_by_itself(server: Server, wire: Wire, session: str) -> None:
    last = append(wire, session, "zebra")
    with closing(sqlite3.connect(server.database)) as connection:
        wait_until(lambda: connection.execute("SELECT upto FROM search_progress").fetchone() == (last,))
        wire.call("session.delete", session_id=session)
        wait_until(lambda: connection.execute("SELECT merging FROM search_progress").fetchone() == ("no",))
        wait_until(lambda: connection.execute("SELECT count(*) FROM search_sessions").fetchone() == (0,))


def damage(server: Server, sql: str) -> None:
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        connection.execute(sql)
