"""A question before something is gone for good."""

import sys

import click


def require_tty(done: str = "deleted") -> None:
    """Wrong usage if standard input is no terminal: there is nobody to be asked."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"nobody can be asked here: give --yes; nothing was {done}")


def confirmed(question: str) -> bool:
    """Whether the person says yes; anything else, and the end of input, is no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
