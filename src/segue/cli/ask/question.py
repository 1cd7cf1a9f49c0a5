"""What the user asks: words of the command line, and what a pipe brings."""

import errno
import os
import sys

import click

from segue.cli.input import read_stdin
from segue.errors import TooLarge


def read_question(words: tuple[str, ...], limit: int) -> str:
    """The words, then what is piped in; `-`, or no words at all, for standard input alone.

    Wrong usage if that is nothing, TooLarge over `limit` bytes.
    """
    text = "" if words == ("-",) else " ".join(words)
    if not text and _is_terminal():
        raise click.UsageError("what is the question? give it as TEXT, or pipe it in")
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
    """Whether there is something to be read that is not a person's typing."""
    if sys.stdin is None or sys.stdin.isatty():
        return False
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        return error.errno != errno.EBADF  # open for writing only is as good as closed
    return True
