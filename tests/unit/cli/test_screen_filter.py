"""A terminal gets text and colors of a model command, and nothing else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.cli.ask.screen_filter import ScreenFilter

HOSTILE = "a\x1b]52;c;ZXZpbA==\x07b\x1b[2Jc\x1b[31mred\x1b[0m\r\nd\re\u202ef\U000e0041\u2028 ✓\tg\x9b31m\x00"
SHOWN = (
    "a\\x1b]52;c;ZXZpbA==\\x07b\\x1b[2Jc\x1b[31mred\x1b[0m\nd\\x0de\\u202ef\\U000e0041\\u2028 ✓\tg\\x9b31m\\x00\x1b[0m"
)


def shown(*chunks: bytes) -> str:
    screen = ScreenFilter()
    return b"".join([*map(screen.feed, chunks), screen.finish()]).decode()


def test_only_colors_and_text_reach_the_terminal() -> None:
    assert shown(HOSTILE.encode()) == SHOWN


@given(st.lists(st.integers(0, len(HOSTILE.encode())), max_size=8))
def test_the_borders_of_chunks_change_nothing(borders: list[int]) -> None:
    cuts = [0, *sorted(borders), len(HOSTILE.encode())]
    assert shown(*(HOSTILE.encode()[a:b] for a, b in pairwise(cuts))) == SHOWN


@given(st.text(alphabet="\x1b[]0;1m?\r\n\x9b\x07A", max_size=30))
def test_no_text_can_drive_the_terminal(text: str) -> None:
    rest = shown(text.encode())
    while (start := rest.find("\x1b")) >= 0:
        end = rest.index("m", start)
        assert set(rest[start + 2 : end]) <= set("0123456789;:")
        rest = rest[:start] + rest[end + 1 :]
    assert not set(rest) & set("\r\x9b\x07")


@pytest.mark.parametrize("text", ["plain", "ünïcödé 漢字\n", "\ttab"])
def test_plain_text_is_unchanged(text: str) -> None:
    assert shown(text.encode()) == text
