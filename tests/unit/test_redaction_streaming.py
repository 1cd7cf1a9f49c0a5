"""Text that arrives in pieces is redacted as the whole text is, wherever it is cut."""

import random
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest

from segue.redaction import redact
from segue.redaction.streaming import MAX_HELD, WORDS, StreamRedactor
from tests.support.secrets import IN_CONTEXT, SECRETS, SHAPED

PROSE = "The fox asks: is 4 more than 3?\nThe answer comes in a moment, and it is long. "
EXAMPLES = [
    *(("", secret, "") for several in SECRETS.values() for secret in several),
    *((before, secret, "=" * before.endswith("sig=")) for several in IN_CONTEXT.values() for before, secret in several),
    *(parts for several in SHAPED.values() for parts in several),
]


def stream(pieces: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Return what is released after each piece, and at the end."""
    redactor, found = StreamRedactor(), Counter[str]()
    released = [redactor.feed(piece, found) for piece in pieces]
    return [*released, redactor.finish("", found)], dict(found)


@pytest.mark.parametrize("parts", EXAMPLES, ids=lambda parts: "".join(parts)[:20])
def test_a_secret_is_redacted_wherever_the_text_is_cut(parts: tuple[str, str, str]) -> None:
    text = PROSE + "".join(parts) + "\n" + PROSE
    expected: Counter[str] = Counter()
    whole = redact(text, expected)
    start = len(PROSE)
    for cut in range(start, start + len("".join(parts)) + 1, 2):
        released, found = stream([text[:cut], text[cut:]])
        assert ("".join(released), found) == (whole, dict(expected))
    assert "".join(stream(text)[0]) == whole
    choose = random.Random(7)
    for _ in range(5):
        cuts = sorted({choose.randrange(len(text)) for _ in range(9)} | {0, len(text)})
        assert "".join(stream([text[a:b] for a, b in pairwise(cuts)])[0]) == whole


def test_ordinary_text_is_released_word_by_word() -> None:
    released, found = stream(PROSE)
    assert [text for text in released if text] == re.findall(r"\S+\s", PROSE) != []
    assert found == {}
    released, _ = stream(text := "寿司の鍵はkey です。" * 20)
    assert max(map(len, released)) < 50
    assert "".join(released) == text


def test_text_after_a_word_that_begins_a_form_is_held_for_some_words() -> None:
    redactor, found = StreamRedactor(), Counter[str]()
    assert redactor.feed("Its key is blue", found) == "Its "
    assert redactor.feed(" and" * WORDS, found) == "key is blue" + " and" * (WORDS - 1) + " "


def test_a_text_without_end_is_not_held_without_limit() -> None:
    redactor, found = StreamRedactor(), Counter[str]()
    released = [redactor.feed("x" * 10_000, found) for _ in range(MAX_HELD // 10_000 + 2)]
    assert sum(map(len, released)) > MAX_HELD
