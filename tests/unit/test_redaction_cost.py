"""The work of the redaction grows linearly, and ordinary text stays untouched."""

import random
import re
import re._constants as constants  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import sysconfig
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from segue import redaction
from segue.redaction import MAKERS, _matches, find, shapes
from segue.redaction import SECRETS as FORMS
from tests.unit.step_counter import StepCounter

SMALL, LARGE = 512, 2048
"""Characters: quadratic work is 16 times as much for the large text, linear work 4 times."""

MAX_RATIO = 8
"""More than 4, because some patterns read up to 512 characters at each position, and the small text has no more."""

MAX_STEPS = 500
"""Count: the most steps for each character of a text."""

MAX_FALSE_POSITIVES = 0.25
"""Count: the most false positives per megabyte of ordinary text. It is 0.09 on Python's library and its packages."""

HEADERS = "Version:-----BEGIN PRIVATE KEY-----Version:\n"

MOST_PREFIXES = 6
"""Count: a form's prefixes that are tried with all fillings. They lead to one pattern, and `TOKENS` has all of them."""

FILLINGS = ("", " ", "\n", "A1" * 8, ".", ":", "=", "_", "a:b", "Version:", "'", "-----", "@")
TOKENS = (
    *sorted({prefix for form in FORMS for prefix in form.prefixes}),
    *FILLINGS, "user:", "password", " login ", "curl ", "Bearer ", "=", "\"", "\\n", "eyJaaaaaaaa.", "M" * 24, "/+",
    "0" * 9, "\u00e9",
)  # fmt: skip


COUNTERS: dict[str, StepCounter] = {}


@pytest.fixture(autouse=True)
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the redaction count the steps of its patterns."""
    if "linear" in request.node.name:
        monkeypatch.setattr(redaction, "_compiled", counter)
        monkeypatch.setattr(shapes, "_PLACEHOLDER", counter(shapes._PLACEHOLDER.pattern, re.ASCII | re.IGNORECASE))


def counter(pattern: str, flags: int = re.ASCII) -> StepCounter:
    if pattern not in COUNTERS:
        COUNTERS[pattern] = StepCounter(pattern, flags)
    return COUNTERS[pattern]


def steps(search: Callable[[str], object], text: str) -> int:
    """Return how many characters the patterns were compared with during a search."""
    before = sum(counter.steps for counter in COUNTERS.values())
    search(text)
    return sum(counter.steps for counter in COUNTERS.values()) - before


def is_linear(search: Callable[[str], object], unit: str) -> bool:
    """Return True if a text of repeated units that is 4 times as long takes at most MAX_RATIO times as many steps."""
    small, large = (steps(search, (unit * (size // len(unit) + 1))[:size]) for size in (SMALL, LARGE))
    return large <= min(MAX_RATIO * max(small, SMALL), MAX_STEPS * LARGE)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.prefixes[:1]}")
def test_the_work_of_each_form_grows_linearly(form: Any) -> None:
    prefixes = form.prefixes or ("M", "MTIz.", ".YaBcDe.")
    units = [prefix + filling for prefix in prefixes[:: len(prefixes) // MOST_PREFIXES + 1] for filling in FILLINGS]
    assert [unit for unit in units if not is_linear(partial(_matches, form), unit)] == []


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_the_work_for_generated_hostile_texts_grows_linearly(count: int) -> None:
    choose = random.Random(count)
    units = ["".join(choose.choices(TOKENS, k=choose.randint(1, 6))) or " " for _ in range(count)]
    assert [unit for unit in units if not is_linear(find, unit)] == []


def test_the_work_for_many_headers_of_private_keys_grows_linearly() -> None:
    assert is_linear(find, HEADERS)


def test_a_pattern_that_reads_headers_to_their_end_is_not_linear() -> None:
    form = next(form for form in FORMS if form.kind == "private-key")
    assert "(?:(?!-----)" in form.pattern
    quadratic = form._replace(pattern=form.pattern.replace("(?:(?!-----)[^\\n\\\\])", "[^\\n\\\\]"))
    assert quadratic.pattern != form.pattern
    assert not is_linear(partial(_matches, quadratic), HEADERS)


def corpus() -> Iterator[Path]:
    """Yield ordinary code and prose: the files of Python's library and of the installed packages."""
    for name in ("stdlib", "purelib"):
        root = Path(sysconfig.get_path(name))
        for path in root.rglob("*"):
            if path.suffix in (".py", ".pyi", ".txt", ".md", ".rst", ".c", ".h", ".js", ".html", ".css"):
                inside = path.relative_to(root).parts
                if inside[0] not in ("site-packages", "dist-packages") and path.is_file():
                    yield path


@pytest.mark.long
def test_ordinary_code_and_prose_stay_untouched(record_property: Callable[[str, object], None]) -> None:
    size, hits = 0, []
    for path in corpus():
        text = path.read_text(errors="replace")
        size += len(text)
        hits += [(hit.kind, f"{path}: {hit.kind} at {hit.start}") for hit in find(text)]
        if size > 15_000_000:
            break
    assert size > 10_000_000
    rate = len(hits) / (size / 1e6)
    record_property("false positives per megabyte", rate)
    assert [text for kind, text in hits if kind in {form.kind for form in MAKERS}] == []
    assert rate <= MAX_FALSE_POSITIVES, hits


def repeats(tree: Any, *, inside: bool = False) -> Iterator[tuple[Any, int, int, bool]]:
    """Yield each repetition that may give back characters, and whether it is inside another repetition."""
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


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.kind} {form.prefixes[:1]}")
def test_no_pattern_backtracks_far(form: Any) -> None:
    """A pattern gives back a few characters only, so no text takes long."""
    for _, least, most, inside in repeats(parser.parse(form.pattern)):
        assert most - least <= 16
        assert not inside or most <= 12


def test_eight_mebibytes_of_incomplete_secrets_are_searched() -> None:
    unit = "\nsk-ant- ghp_ AKIA eyJaaaaaaaa.eyJaaaaaaaa. -----BEGIN PRIVATE KEY-----AAAA xoxb-1 :AA "
    assert find(unit * (8 * 1024 * 1024 // len(unit))) == []
