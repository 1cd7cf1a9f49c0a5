"""Standard input: as text, and as the answer of a person who confirms a deletion."""

import sys

import click

from segue.cli.output.terminal import BadInput
from segue.errors import TooLarge


def read_stdin(limit: int) -> str:
    """Return all of standard input, with U+FFFD for bytes that are not UTF-8.

    Raises:
        TooLarge: It has more than `limit` bytes.
        BadInput: It is closed or cannot be read.
    """
    if sys.stdin is None:
        raise BadInput("cannot read standard input: it is closed; nothing was stored")
    try:
        data = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise BadInput(f"cannot read standard input: {error.strerror}; nothing was stored") from None
    if len(data) > limit:
        raise TooLarge(f"standard input has more than {limit} bytes; nothing was stored", limit=limit)
    return data.decode(errors="replace")


def require_tty(done: str = "deleted") -> None:
    """Check that standard input is a terminal, so that the user can confirm.

    Raises:
        click.UsageError: Standard input is not a terminal.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"cannot ask for confirmation without a terminal; use --yes. Nothing was {done}")


def confirmed(question: str) -> bool:
    """Ask on standard error and return True if the answer is y or yes."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # The terminal shows `^C` after the question, and the next prompt would follow it
        raise
