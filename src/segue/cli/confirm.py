"""Confirmation prompts for commands that cannot be undone."""

import sys

import click


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
    return sys.stdin.readline().strip().lower() in ("y", "yes")
