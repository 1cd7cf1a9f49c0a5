"""The progress line on standard error."""

import sys


def show_progress(what: str) -> None:
    """Show a line that the next one replaces, if standard error is a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
