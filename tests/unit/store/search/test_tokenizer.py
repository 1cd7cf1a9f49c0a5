"""Words and queries, and search against a naive reading of the rule."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from unicodedata import category, combining, normalize

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segue.store.search.index_entries import own_texts
from segue.store.search.text import pieces, tokenizer
from segue.store.search.text.pieces import pieces_text
from segue.store.search.text.query_parser import Term, expression, filtered, parse
from segue.store.search.text.tokenizer import fold, fold_with_offsets, tokenize
from tests.support.database import Database, emptied


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Hello, World!", ["hello", "world"]),
        (
            "foo_bar --dry-run segue.client a/path/like.this",
            ["foo", "bar", "dry", "run", "segue", "client", "a", "path", "like", "this"],
        ),
        ("Äpfel ÉTÉ Straße ŁÓDŹ", ["apfel", "ete", "strasse", "łodz"]),
        ("İstanbul ΣΊΣΥΦΟΣ ᾳ", ["istanbul", "σισυφοσ", "\u03b1"]),
        ("ﬁn ½ Ⅳ x² …", ["fin", "1", "\u2044", "2", "iv", "x2"]),
        ("co\u00adop\ufeff a\u200bb", ["coop", "a", "b"]),
        ("1️⃣ ❤️ 👍🏽 👨‍👩‍👧", ["1", "❤", "👍", "🏽", "👨", "👩", "👧"]),
        ("5€→x", ["5", "€", "→", "x"]),
        ("今天。天気", ["今", "天", "·", "天", "気"]),
        ("用Python编 程", ["用", "python", "编", "·", "程"]),
        ("한글", ["한", "글"]),
        (normalize("NFD", "한글"), ["한", "글"]),
        ("ｶﾞガが", ["ガ", "ガ", "が"]),
        ("हिन्दी", ["हिन्दी"]),
        ("a\0b\x1fc", ["a", "b", "c"]),
        ("\U0001fae8\U0003fffd\ue000", ["\U0001fae8", "\U0003fffd", "\ue000"]),
        ("“quoted” — dash · ‖", ["quoted", "dash"]),
    ],
)
def test_text_is_split_into_folded_words(text: str, words: list[str]) -> None:
    assert tokenize(text) == words
    assert fold_with_offsets(text)[0] == fold(text)


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", []),
        (' "" " " * ** "*" ', []),
        ("Foo foo FOO", [Term(("foo",))]),
        ('"a b" c', [Term(("a", "b")), Term(("c",))]),
        ('a"b c"d', [Term(("a",)), Term(("b", "c")), Term(("d",))]),
        ('"a b', [Term(("a",)), Term(("b",))]),
        (
            "exe* ex* e-xe* foo_bar*",
            [
                Term(("exe",), prefix=True),
                Term(("ex",)),
                Term(("e", "xe"), prefix=True),
                Term(("foo", "bar"), prefix=True),
            ],
        ),
        ("*abc a*bcd abc** abc-*", [Term(("abc",)), Term(("a", "bcd"))]),
        ("天気予*", [Term(("天", "気", "予"))]),
        ("a OR NOT NEAR(b)", [Term(("a",)), Term(("or",)), Term(("not",)), Term(("near", "b"))]),
    ],
)
def test_a_query_is_read_as_terms(query: str, terms: list[Term]) -> None:
    assert [Term(term.words, term.prefix) for term in parse(query)] == terms


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ('x"y z" w*a abc*', '"x" AND "y z" AND "w a" AND "abc" *'),
        ("UserById", '("userbyid" OR "user by id")'),
        ("sp_new1*", '("sp new1" * OR "sp new 1" *)'),
        ('"getUserById now"', '"getuserbyid now"'),
    ],
)
def test_only_quoted_words_reach_the_index(query: str, match: str) -> None:
    assert expression(parse(query), [], "¶") == match
    assert filtered(match, ["§s1"], []) == f'{match} AND "§s1"'
    assert filtered(match, ["§s1"], ["§i"]) == f'({match} AND "§s1") NOT "§i"'


def test_a_message_must_hold_one_of_the_words_that_names_hold() -> None:
    a, b = parse("a b")
    assert expression([a, b], [a], "¶") == '("a" OR "¶a") AND "b"'
    assert expression([a, b], [a, b], "¶") == '("a" OR "¶a") AND ("b" OR "¶b") AND ("a" OR "b")'


@pytest.mark.parametrize(
    ("text", "divided"),
    [
        ("plain words, foo_bar and 2026-11-28", ""),
        ("getUserById", "get user by id ‖ getuser ‖ getuserby ‖ userby ‖ userbyid ‖ byid"),
        ("SessionRepository HTTPServer", "session repository ‖ http server"),
        ("getUser2", "get user 2 ‖ getuser ‖ user2"),
        ("v20.11.1 (sp_new1)", "v 20 11 1 ‖ sp new 1"),
        ("log 2026-11-28T03:40:00Z boom", "2026 11 28 t 03 40 00 z"),
        ("a3f8c9e1b2d4", ""),
        ("getUserById getUserById", "get user by id ‖ getuser ‖ getuserby ‖ userby ‖ userbyid ‖ byid"),
    ],
)
def test_compound_words_are_divided_into_pieces(text: str, divided: str) -> None:
    assert " ".join(pieces_text(text).split()) == divided


@given(text=st.text(alphabet="aZbQ09_ é", max_size=8))
def test_a_compound_word_is_noticed_wherever_its_border_is(text: str) -> None:
    assert bool(pieces._HAS_BORDER.search(text)) == bool(pieces._BORDER.search(text))


@pytest.mark.parametrize(
    ("part", "texts"),
    [
        ({"text": "b", "n": 5, "deep": [{"k": ["c", None, True, 1.5]}]}, ["b", "5", "c", "1.5"]),
        ({"type": "image", "source": {"type": "base64", "data": "QUJD"}}, ["image", "base64"]),
        ({"type": "tool", "data": {"output": "x"}}, ["tool", "x"]),
        ({"url": "data:image/png;base64,QUJD", "alt": "data: none"}, ["data: none"]),
        ({"k": "Q" * 256, "l": "Q" * 257, "m": "Q " * 200}, ["Q" * 256, "Q " * 200]),
        ({"k": "wörd " * 20_000}, ["wörd " * (64 * 1024 // 6) + "wör"]),
    ],
)
def test_texts_and_numbers_of_parts_are_searched_but_base64(part: dict[str, Any], texts: list[str]) -> None:
    assert own_texts("a", msgspec.json.encode([part]).decode()) == ["a", *texts]


def test_parts_that_are_not_json_hold_no_text() -> None:
    assert own_texts("", "[{") == []


@given(st.text())
def test_every_word_is_one_to_the_index_too(text: str) -> None:
    for word in tokenize(text):
        assert re.fullmatch(r"[a-z0-9\x80-\U0010ffff]+", word)
        assert "·" in word or "‖" not in word
    assert " ".join(tokenize(text)) == " ".join(tokenizer.normalize(text).split())


@given(st.text(st.characters(max_codepoint=0x2FFF)))
def test_origins_lie_in_the_text_in_order(text: str) -> None:
    folded, origins = fold_with_offsets(text)
    assert len(folded) == len(origins)
    assert all(0 <= start < end <= len(text) for start, end in origins)
    assert all(one <= other for one, other in pairwise(origins))


# A naive reading of the rule, for texts of this alphabet, which has no borders inside of words.
ALPHABET = [*"aabbcdé\u0301Äßz .,-_/*\"'\n\t今天か한👍€“ﬁЖ  "]
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=40)
Naive = list[tuple[str, bool]]
"""Words, and for each whether it is CJK and directly behind another such."""


def naive_words(text: str) -> Naive:
    found: Naive = []
    current = ""
    close = False
    for char in normalize("NFKD", normalize("NFKD", text).casefold()) + " ":
        if combining(char) and category(char) == "Mn" and not "\u3099" <= char <= "\u309a":
            continue
        found_char = normalize("NFC", char)
        alone = (
            found_char in "今天か" or "\u1100" <= char <= "\u11ff" or (not char.isascii() and category(char)[0] == "S")
        )
        if not alone and category(char)[0] in "LN":
            current += char
            continue
        if current:
            found.append((current, False))
        current, was_close = "", close and not current
        close = alone and category(char)[0] != "S"
        if alone:
            found.append((char, was_close and close))
    return found


def naive_terms(query: str) -> Iterator[tuple[Naive, bool]]:
    pieces = query.split('"')
    for index, piece in enumerate(pieces):
        quoted = index % 2 == 1 and index < len(pieces) - 1
        for text in [piece] if quoted else piece.split():
            words = naive_words(text.removesuffix("*"))
            star = text.endswith("*") and not quoted and sum(len(word) for word, _ in words) >= 3
            star = star and (text[-2].isalnum() or combining(text[-2]) > 0) and words[-1][0].isalnum()
            if words:
                yield words, star


def naive_match(terms: list[tuple[Naive, bool]], texts: list[str]) -> bool:
    return bool(terms) and all(any(stands_in(term, naive_words(text), star) for text in texts) for term, star in terms)


def stands_in(term: Naive, words: Naive, star: bool) -> bool:
    def fits(at: int) -> bool:
        return all(
            (word.startswith(asked) if star and index == len(term) - 1 else word == asked)
            and (index == 0 or cjk_pair(term, index) is cjk_pair(words, at + index))
            for index, (asked, _) in enumerate(term)
            for word in [words[at + index][0]]
        )

    return any(fits(at) for at in range(len(words) - len(term) + 1))


def cjk_pair(words: Naive, index: int) -> bool | None:
    """Return whether two CJK characters touch; None for others, between which it does not matter."""
    pair = [word for word, _ in words[index - 1 : index + 1]]
    return (
        words[index][1] if all(len(word) == 1 and category(word)[0] == "L" and is_cjk(word) for word in pair) else None
    )


def is_cjk(word: str) -> bool:
    return word in "今天か" or "\u1100" <= word <= "\u11ff"


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SYNTAX = st.lists(st.sampled_from([*"ab\"*():^+-{}'; \0", " AND ", " NEAR(", "words :"]), max_size=30).map("".join)
LASTING = settings(max_examples=150, deadline=None)


@LASTING
@given(content=ANY_TEXT, part=ANY_TEXT)
def test_every_word_of_a_message_finds_it_and_so_does_all_of_it(file: Database, content: str, part: str) -> None:
    database = emptied(file)
    made = database.append(database.session("s"), content, parts=[{"text": part}])
    for text in (content, part):
        for word in text.split():
            assume('"' not in word)
            if tokenize(word):
                assert database.find(word) == {made}
        whole = text.replace('"', " ")
        if tokenize(whole):
            assert database.find(f'"{whole}"') == {made}


@LASTING
@given(query=st.one_of(ANY_TEXT, SYNTAX))
def test_no_query_is_an_error(file: Database, query: str) -> None:
    database = emptied(file)
    database.append(database.session("s"), "quetzal")
    assert database.page(query).hits == []


@LASTING
@given(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), query=TEXTS, data=st.data())
def test_hits_are_those_of_a_naive_search(file: Database, texts: list[tuple[str, str]], query: str, data: Any) -> None:
    database = emptied(file)
    session = database.session("s", name=None)
    made = {database.append(session, content, parts=[{"text": part}]): [content, part] for content, part in texts}
    known = [word for pair in texts for text in pair for word in text.split()]
    drawn = data.draw(st.lists(st.sampled_from(known), max_size=2)) if known else []
    for asked in (query, " ".join(drawn), " ".join(word[: len(word) // 2 + 1] + "*" for word in drawn)):
        terms = list(naive_terms(asked))
        assert database.find(asked) == {id for id, texts in made.items() if naive_match(terms, texts)}, asked


ATOMS = st.sampled_from(["get", "User", "By", "Id", "HTTP", "2", "2026", "x"])


@LASTING
@given(atoms=st.lists(ATOMS, min_size=1, max_size=5), data=st.data())
def test_every_run_of_pieces_finds_the_word(file: Database, atoms: list[str], data: Any) -> None:
    word = "".join(atoms)
    assume(sum(one.isdigit() for one in atoms) <= 1)
    assume("HTTP" not in atoms[1:] and "x" not in atoms[1:] and "get" not in atoms[1:])
    database = emptied(file)
    made = database.append(database.session("s"), f"see {word}, please")
    start = data.draw(st.integers(0, len(atoms) - 1))
    end = data.draw(st.integers(start + 1, len(atoms)))
    run = "".join(atoms[start:end])
    assert database.find(run) == database.find(run.lower()) == {made}
