"""A log record becomes one line, whatever its text."""

import logging
import sys

import pytest

from segue.server.process.log_format import FORMAT, OneLineFormatter, escape_line


def test_a_traceback_is_on_the_line_of_its_event() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        record = logging.LogRecord("segue.jsonrpc", logging.ERROR, __file__, 1, "incident %s", ("a1",), sys.exc_info())
    text = OneLineFormatter(FORMAT).format(record)
    assert text.splitlines() == [text]
    assert "ERROR segue.jsonrpc: incident a1\\nTraceback (most recent call last):\\n" in text
    assert text.endswith("ValueError: first\\nsecond")


@pytest.mark.parametrize("code", [0x00, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B, 0x1C, 0x85, 0x9B, 0x2028, 0x2029])
def test_line_ends_and_terminal_controls_are_escaped(code: int) -> None:
    assert escape_line(f"a{chr(code)}b").isprintable()


def test_letters_of_every_script_are_unchanged() -> None:
    assert escape_line("Grüße, 你好 👋") == "Grüße, 你好 👋"
