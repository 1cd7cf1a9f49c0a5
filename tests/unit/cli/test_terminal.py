import sys

import pytest

from segue.cli.output.terminal import echo, echo_stored, escape_controls, escape_line, span

HOSTILE = "a\x1b[31mb\x07\x00\x7f\x9b31m\u202e\u2066\u200e\u061c\u2028\U000e0041c"
SHOWN = "a\\x1b[31mb\\x07\\x00\\x7f\\x9b31m\\u202e\\u2066\\u200e\\u061c\\u2028\\U000e0041c"


def test_nothing_that_could_drive_a_terminal_is_left() -> None:
    assert escape_controls(HOSTILE) == SHOWN
    assert escape_line(HOSTILE) == SHOWN


def test_lines_and_tabs_of_a_message_stay_and_those_of_a_field_do_not() -> None:
    assert escape_controls("a\r\nb\tc\rd\n") == "a\nb\tc\\x0dd\n"
    assert escape_line("a\nb\tc") == "a\\x0ab\\x09c"


def test_only_colors_pass_to_a_terminal_and_everything_to_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{HOSTILE}\x1b[1;31mred\x1b[0m\x1b[2J\x1b]52;c;eA==\x07\x1b[{'1' * 65}m\x1b"
    echo(text)
    assert capsys.readouterr().out == f"{text}\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    echo(text)
    colored = f"{SHOWN}\x1b[1;31mred\x1b[0m\\x1b[2J\\x1b]52;c;eA==\\x07\\x1b[{'1' * 65}m\\x1b\n"
    assert capsys.readouterr().out == colored.replace("\\x1b[31mb", "\x1b[31mb", 1)
    echo_stored("\x1b[8mhidden\n")
    assert capsys.readouterr().out == "\\x1b[8mhidden\n"


def test_letters_of_every_script_stay() -> None:
    text = "naïve 漢字 עברית 👩‍👩‍👧"
    assert escape_controls(text) == text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_399, "23h"),
        (86_400, "1d"),
        (10**8, "1157d"),
    ],
)
def test_an_age_has_the_largest_unit_of_which_there_is_one(seconds: int, shown: str) -> None:
    assert span(seconds) == shown
