"""Snippets: the piece of a message that shows the match."""

import pytest

from tests.socket.search.calls import append, snippet
from tests.support.wire import Wire


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
        ("call getUserById now", "byid", "call getUser[ById] now"),
        ("node v20.11.1", "20.11", "node v[20.11].1"),
        ("ภาษาไทยไม่มีช่องว่าง", "ช่องว่าง", "ภาษาไทยไม่มี[ช่องว่าง]"),
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
