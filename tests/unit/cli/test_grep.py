"""The lines that a pattern matches, and how long ones are cut."""

import pytest

from segue.workflows.grep import Line, compile_pattern, cut


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        ([(0, 2)], Line("abcdefgh…", [(0, 2)])),
        ([(10, 12)], Line("…ijklmnop…", [(3, 5)])),
        ([(10, 20)], Line("…ijklmnop…", [(3, 9)])),
        ([(24, 26)], Line("…stuvwxyz", [(7, 9)])),
        ([(20, 21), (25, 26)], Line("…stuvwxyz", [(3, 4), (8, 9)])),
    ],
)
def test_a_long_line_is_cut_around_its_first_match(spans: list[tuple[int, int]], shown: Line) -> None:
    assert cut(Line("abcdefghijklmnopqrstuvwxyz", spans), 8) == shown


def test_flags_of_the_user_stay_at_the_start() -> None:
    assert compile_pattern("(?i)a|b", whole_words=True).findall("A bc B") == ["A", "B"]
    assert compile_pattern("a.c", is_fixed=True, ignore_case=True).findall("A.C abc") == ["A.C"]
    assert compile_pattern(r"(a)\1$").search("aa\nb") is not None
