"""What the bench is at, on stderr."""

import sys


def tell(what: str) -> None:
    """One line that the next one replaces, if anybody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
