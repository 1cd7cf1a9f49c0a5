"""Which words find which messages."""

import pytest

from tests.socket.search.calls import append, find
from tests.support.wire import Wire


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
        ("ภาษาไทยไม่มีช่องว่างระหว่างคำ", "ช่องว่าง"),
        ("ភាសាខ្មែរ", "ភាសា"),
        ("ພາສາລາວບໍ່ມີຍະຫວ່າງ", "ລາວ"),
        ("မြန်မာဘာသာစကား", "ဘာသာ"),
        ("བོད་སྐད་ཡིག", "སྐད"),
        ("log 2026-11-28T03:40:00Z boom", "2026-11-28"),
        ("log 2026-11-28T03:40:00Z boom", "03:40"),
        ("pi is 3.14159", "3.14*"),
        ("node v20.11.1", "20.11"),
        ("node v20.11.1", "v20"),
        ("the function sp_new1", "sp_new"),
        ("call getUserById(id)", "UserById"),
        ("call getUserById(id)", "getuserbyid"),
        ("call getUserById(id)", "user"),
        ("call getUserById(id)", "byid"),
        ("call getUserById(id)", "userbyid"),
        ("call getUserById(id)", "getUserById"),
        ("class SessionRepository:", "Repository"),
        ("class SessionRepository:", "sessionrep*"),
        ("parse HTTPServer2 now", "server"),
        ("snake_case_name", "snake"),
        ("snake_case_name", "case_name"),
        ("commit a3f8c9e1b2d4e5f6", "a3f8c9e1*"),
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
        ("user", "§ruser"),
        ("ไทย", "ยไ"),
        ("commit a3f8c9e1b2d4e5f6", "f8c9"),
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
    page = wire.call("message.search", query=query)
    assert (page["hits"], page["total"], page["next_cursor"]) == ([], 0, None)


@pytest.mark.parametrize(
    ("query", "contents"),
    [
        ("C++", ["learn C++ now", "learn C now", "learn C# now"]),
        ("C#", ["learn C# now", "learn C now", "learn C++ now"]),
        (".NET", ["use .NET here", "use the net here"]),
        ("$HOME", ["it is $HOME dir", "it is home dir"]),
        ("--no-verify", ["git commit --no-verify", "there is no verify here"]),
        ("snake_case", ["a snake_case b", "a snake case b"]),
    ],
)
def test_a_word_typed_with_symbols_prefers_them(wire: Wire, session: str, query: str, contents: list[str]) -> None:
    made = [append(wire, session, content) for content in contents]
    assert find(wire, query)[0] == made[0]
    assert sorted(find(wire, query)) == made


def test_symbols_are_preferred_among_more_matches_than_are_scored(wire: Wire, session: str) -> None:
    made = append(wire, session, "learn C++ now")
    for _ in range(3):
        messages = [{"role": "user", "content": "learn C now"}] * 1000
        wire.call("message.append_many", session_id=session, messages=messages)
    page = wire.call("message.search", query="C++", limit=2)
    assert [hit["message_id"] for hit in page["hits"]] == [made, made + 3000]
    assert page["total"] == 3001
