"""Match "any": messages that hold any of the words, ranked by relevance."""

from typing import Any

import pytest

from segue.store.search import any_search
from segue.store.search.text.stemmer import forms, stem
from tests.socket.search.calls import append
from tests.support.clock import SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


def find(wire: Wire, query: str, **more: Any) -> list[int]:
    page = wire.call("message.search", **{"query": query, "match": "any", "limit": 200, **more})
    return [hit["message_id"] for hit in page["hits"]]


def test_a_question_finds_its_answer(wire: Wire, session: str) -> None:
    answer = append(wire, session, "The nginx 502 was fixed by raising proxy_read_timeout on the server")
    for number in range(30):
        append(wire, session, f"the weather on day {number} is the same as on the day before, and how is it")
    assert find(wire, "how did I fix the nginx error on the server?")[0] == answer
    page = wire.call("message.search", query="how did I fix the nginx error on the server?", match="any")
    assert page["total"] == 31
    assert page["hits"][0]["matched"] == ["fix", "the", "nginx", "on", "server?"]
    assert "\ue000fixed\ue001" in page["hits"][0]["snippet"]


def test_rare_words_frequent_words_and_short_messages_count_more(wire: Wire, session: str) -> None:
    filler = " ".join(["padding"] * 60)
    common = [append(wire, session, f"lion {filler}") for _ in range(10)]
    often = append(wire, session, f"zebra zebra zebra {filler}")
    long = append(wire, session, f"zebra {filler}")
    short = append(wire, session, "zebra")
    assert find(wire, "zebra lion") == [short, often, long, *reversed(common)]
    assert find(wire, "zebra lion", order="oldest") == [*common, often, long, short]
    assert find(wire, "zebra lion", limit=2, offset=1) == [often, long]


@pytest.mark.parametrize(
    ("content", "query"),
    [
        ("connections are slow", "connect"),
        ("run the tests", "running"),
        ("the query failed", "queries"),
        ("call getUserById", "UserById what"),
        ("東京タワーへ行く", "タワー where"),
        ("the quick fox", '"quick fox" nothing'),
        ("executable files", "exec* nothing"),
        ("größte Häuser", "hauser nothing"),
    ],
)
def test_other_forms_phrases_and_prefixes_are_found(wire: Wire, session: str, content: str, query: str) -> None:
    made = append(wire, session, content)
    append(wire, session, "something else")
    assert find(wire, query) == [made]


def test_filters_times_and_deletions_hold(server: Server, wire: Wire, session: str) -> None:
    other = wire.call("session.create", name="zebra", working_dir="/b")["id"]
    one = append(wire, session, "zebra one")
    server.clock.pass_time(SECOND)
    two = append(wire, other, "zebra two", role="assistant")
    time = wire.call("message.get", message_id=one)["created_at"]
    assert set(find(wire, "zebra lion")) == {one, two}
    assert find(wire, "zebra", working_dir="/b") == find(wire, "zebra", role="assistant") == [two]
    assert find(wire, "zebra", since=time) == [two]
    assert find(wire, "zebra", until=time) == [one]
    assert [found["id"] for found in wire.call("message.search", query="zebra", match="any")["sessions"]] == [other]
    wire.call("session.delete", session_id=other)
    assert find(wire, "zebra") == [one]
    assert find(wire, "") == find(wire, "elk") == []


def test_a_cursor_leads_through_all_matches(wire: Wire, session: str) -> None:
    many = [{"role": "user", "content": f"zebra {index}"} for index in range(250)]
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    found: list[int] = []
    cursor = None
    while True:
        page = wire.call("message.search", query="zebra", match="any", limit=100, cursor=cursor)
        found += [hit["message_id"] for hit in page["hits"]]
        append(wire, session, "zebra new")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == made


def test_common_words_are_left_out_when_their_lists_are_too_long(
    wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(any_search, "MAX_POSTINGS", 20)
    many = [{"role": "user", "content": "the common words"}] * 100
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    rare = append(wire, session, "the zebra")
    page = wire.call("message.search", query="the zebra", match="any")
    assert ([hit["message_id"] for hit in page["hits"]], page["total"]) == ([rare], None)
    assert find(wire, "common") == made[:-21:-1]


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("caresses", "caress"), ("ponies", "poni"), ("agreed", "agre"), ("plastered", "plaster"), ("sing", "sing"),
        ("conflated", "conflat"), ("hopping", "hop"), ("filing", "file"), ("happy", "happi"), ("sky", "sky"),
        ("relational", "relat"), ("operator", "oper"), ("electrical", "electr"), ("adjustment", "adjust"),
        ("adoption", "adopt"), ("probate", "probat"), ("cease", "ceas"), ("controll", "control"), ("roll", "roll"),
        ("generalizations", "gener"), ("größe", "größe"), ("502", "502"),
    ],
)  # fmt: skip
def test_words_have_porter_stems(word: str, root: str) -> None:
    assert stem(word) == root
    assert word in forms(word)
    assert {stem(form) for form in forms(word)} == {root}
