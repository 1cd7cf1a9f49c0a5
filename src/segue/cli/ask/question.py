"""The question of `segue ask`: arguments and standard input."""

import errno
import os
import sys

import click

from segue.cli.input import read_stdin
from segue.client.json_values import replace_surrogates
from segue.errors import TooLarge


def read_question(words: tuple[str, ...], limit: int) -> str:
    """Return the words followed by piped standard input; `-` or no words select standard input alone.

    Raises:
        click.UsageError: The question is empty, or standard input is a terminal.
        TooLarge: The question has more than `limit` bytes.
    """
    text = "" if words == ("-",) else replace_surrogates(" ".join(words))
    if not text and _is_terminal():
        raise click.UsageError("no question: give it as TEXT, or pipe it in")
    piped = read_stdin(limit) if not text or _is_piped() else ""
    question = "\n\n".join(part for part in (text, piped) if part.strip())
    if not question:
        raise click.UsageError("the question is empty; nothing was stored")
    size = len(question.encode())
    if size > limit:
        raise TooLarge(f"the question has {size} bytes, the limit is {limit}; nothing was stored", limit=limit)
    return question


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _is_piped() -> bool:
    """Return True if standard input is open for reading and is not a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return False
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        return error.errno != errno.EBADF  # EBADF because it is open for writing only
    return True
