"""The question of `segue ask`: arguments and standard input."""

import errno
import os
import sys
from contextlib import suppress

import click

from segue.cli.editor import edit_text
from segue.cli.input import read_stdin
from segue.cli.output.terminal import echo
from segue.client.json_values import replace_surrogates
from segue.errors import TooLarge

PROMPT = "question: "


def read_question(words: tuple[str, ...], limit: int, *, use_editor: bool = False, use_stdin: bool = True) -> str:
    """Return the words followed by piped standard input; `-` or no words select standard input alone.

    On a terminal, no words select one line that the user types. The editor opens with the text.

    Raises:
        click.UsageError: The question is empty.
        TooLarge: The question has more than `limit` bytes.
    """
    text = "" if words == ("-",) else replace_surrogates(" ".join(words))
    piped = ""
    if use_stdin and _is_terminal():
        if words == ("-",):
            piped = read_stdin(limit)
        elif not text and not use_editor:
            text = _read_line()
    elif use_stdin:
        piped = read_stdin(limit) if not (text or use_editor) or _is_piped() else ""
    question = "\n\n".join(part for part in (text, piped) if part.strip())
    if use_editor:
        question = edit_text(question)
    if not question.strip():
        raise click.UsageError("the question is empty; nothing was stored")
    size = len(question.encode())
    if size > limit:
        raise TooLarge(f"the question has {size} bytes, the limit is {limit}; nothing was stored", limit=limit)
    return question


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _read_line() -> str:
    """Return a line that the user types at a prompt, which is not part of the output."""
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    if not sys.stdout.isatty():
        sys.stderr.write(PROMPT)
        sys.stderr.flush()
        return sys.stdin.readline()
    with suppress(ImportError):
        import readline  # noqa: F401 - With it, the line can be edited
    try:
        return input(PROMPT)
    except EOFError:
        echo("")
        return ""


def _is_piped() -> bool:
    """Return True if standard input is open for reading and is not a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return False
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        return error.errno != errno.EBADF  # EBADF because it is open for writing only
    return True
