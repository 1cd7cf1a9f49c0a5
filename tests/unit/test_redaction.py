"""What is taken for a secret, what is not, and how much work that is."""

import re._constants as constants  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segue.redaction import SECRETS as FORMS
from segue.redaction import find, find_truncated, redact, redact_all
from tests.support.secrets import IN_CONTEXT, PEM, SECRETS, mixed

WHOLE = [(kind, secret) for kind, several in SECRETS.items() for secret in several]
GIVEN = [(kind, before, secret) for kind, several in IN_CONTEXT.items() for before, secret in several]
AROUND = [
    ("", ""),
    ("key: ", " and more"),
    ('{"k": "', '"}'),
    ("X=", "\n"),
    ("`", "`"),
    ("(", ")"),
    ("\\n", "\\n"),
    ("ß", "ß"),
]


def redacted(text: str) -> tuple[str, dict[str, int]]:
    found: Counter[str] = Counter()
    return redact(text, found), dict(found)


def test_every_kind_has_an_example() -> None:
    assert {form.kind for form in FORMS} == SECRETS.keys() | IN_CONTEXT.keys()


@pytest.mark.parametrize(("kind", "secret"), WHOLE)
def test_a_secret_is_found_whatever_stands_around_it(kind: str, secret: str) -> None:
    for before, after in AROUND:
        if kind == "private-key" and after and secret != PEM:
            continue
        assert redacted(f"{before}{secret}{after}") == (f"{before}[redacted:{kind}]{after}", {kind: 1})


@pytest.mark.parametrize(("kind", "before", "secret"), GIVEN)
def test_what_is_secret_by_the_word_before_it_is_taken_and_the_word_stays(kind: str, before: str, secret: str) -> None:
    text, found = redacted(f"{before}{secret}{'=' if before.endswith('sig=') else ''}\n")
    assert (text.rstrip("=\n"), found) == (f"{before}[redacted:{kind}]", {kind: 1})


@pytest.mark.parametrize(("kind", "secret"), WHOLE)
def test_a_text_never_grows(kind: str, secret: str) -> None:
    assert len(f"[redacted:{kind}]") < len(secret)


def test_several_are_each_counted_and_a_second_time_nothing_is_found() -> None:
    text = " ".join(secret for _, secret in WHOLE if secret != WHOLE[-1][1])
    clean, found = redacted(text)
    assert sum(found.values()) == len(WHOLE) - 1
    assert redacted(clean) == (clean, {})
    assert not any(secret in clean for _, secret in WHOLE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-learn and sk-estimator-id-container-of-a-long-name-in-a-stylesheet-of-a-notebook",
        "the prefix ghp_ is followed by 36 characters",
        "AKIA, ASIA",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        'if line == "-----BEGIN PRIVATE KEY-----": start = "-----END PRIVATE KEY-----"',
        "-----BEGIN PUBLIC KEY-----\n" + mixed(64) + "\n-----END PUBLIC KEY-----",
        "eyJhbGciOiJIUzI1NiJ9",
        "[redacted:openai]",
        "a" * 100_000,
        mixed(64, "0123456789abcdef"),
        "12:AA" + mixed(33),
        "xAKIA" + mixed(16, "A2B3"),
        "aws_secret_access_key = " + mixed(41),
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redacted(text) == (text, {})


def test_strings_are_found_wherever_they_stand_in_json() -> None:
    [key] = SECRETS["npm"]
    found: Counter[str] = Counter()
    value = {"a": [key, {"b": f"x {key}"}, 5, None, True], key: 1.5}
    clean = {"a": ["[redacted:npm]", {"b": "x [redacted:npm]"}, 5, None, True], "[redacted:npm]": 1.5}
    assert (redact_all(value, found), dict(found)) == (clean, {"npm": 3})


def corpus() -> Iterator[Path]:
    """Ordinary code and prose: what Python's own library and the packages beside it are made of."""
    for name in ("stdlib", "purelib"):
        root = Path(sysconfig.get_path(name))
        for path in root.rglob("*"):
            if path.suffix in (".py", ".pyi", ".txt", ".md", ".rst", ".c", ".h", ".js", ".html", ".css"):
                inside = path.relative_to(root).parts
                if inside[0] not in ("site-packages", "dist-packages") and path.is_file():
                    yield path


def test_nothing_is_found_in_ordinary_code_and_prose() -> None:
    size, hits = 0, []
    for path in corpus():
        text = path.read_text(errors="replace")
        size += len(text)
        hits += [f"{path}: {hit.kind} at {hit.start}" for hit in find(text)]
        if size > 40_000_000:
            break
    assert size > 10_000_000
    assert hits == []


def repeats(tree: Any, *, inside: bool = False) -> Iterator[tuple[Any, int, int, bool]]:
    """Each repetition in a parsed pattern that may give back what it took, and whether it stands in another one."""
    for operator, argument in tree:
        if operator in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            least, most, body = argument
            if operator is not constants.POSSESSIVE_REPEAT and least != most:
                yield operator, least, int(most), inside
            yield from repeats(body, inside=True)
        elif operator is constants.SUBPATTERN:
            yield from repeats(argument[3], inside=inside)
        elif operator is constants.BRANCH:
            for branch in argument[1]:
                yield from repeats(branch, inside=inside)
        elif operator in (constants.ASSERT, constants.ASSERT_NOT):
            yield from repeats(argument[1], inside=inside)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.prefixes[0]}")
def test_no_pattern_can_go_back_far(form: Any) -> None:
    """What it may give back and try again is at most some characters: there is no text on which it takes long."""
    for _, least, most, inside in repeats(parser.parse(form.pattern)):
        assert most - least <= 16
        assert not inside or most <= 12


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.prefixes[0]}")
def test_a_text_of_nothing_but_beginnings_is_looked_through(form: Any) -> None:
    for filling in ("", " ", "\n", "A1" * 8, "."):
        unit = form.prefixes[0] + filling
        text = unit * (131_072 // len(unit))
        assert len(find(text)) <= len(text) // len(unit)


def test_eight_mebibytes_that_almost_hold_secrets_are_looked_through() -> None:
    unit = "\nsk-ant- ghp_ AKIA eyJaaaaaaaa.eyJaaaaaaaa. -----BEGIN PRIVATE KEY-----AAAA xoxb-1 :AA "
    assert find(unit * (8 * 1024 * 1024 // len(unit))) == []


def test_members_whose_names_become_alike_are_all_kept() -> None:
    one, other = f"npm_{'a' * 36}", f"npm_{'b' * 36}"
    found: Counter[str] = Counter()
    mark = "[redacted:npm]"
    members = {one: 1, other: 2, f"{mark}-2": 3, mark: 4}
    changed = redact_all(members, found)
    assert sorted(changed.values()) == [1, 2, 3, 4]
    assert changed[mark] == 4
    assert changed[f"{mark}-2"] == 3
    assert redact_all(changed, found) == changed
    assert found == {"npm": 2}


@pytest.mark.parametrize("kind", ["anthropic", "github", "jwt", "npm", "openai", "sendgrid", "slack", "telegram"])
def test_the_beginning_of_a_secret_is_one_when_it_was_cut_off(kind: str) -> None:
    for secret in SECRETS[kind]:
        for length in range(20, min(len(secret), 30)):
            text = f"my {secret[:length]}"
            if "hooks" not in secret:
                assert find_truncated(text) == (3, len(text), kind)


@pytest.mark.parametrize(
    "text", ["how do I store a key-value pair", "my SKILLSET", "sk-learn", "what is npm_config", "a key-valuestore"]
)
def test_a_word_that_begins_like_a_secret_is_none(text: str) -> None:
    assert find_truncated(text) is None
