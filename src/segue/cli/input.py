"""Standard input as text."""

import sys

from segue.cli.output.terminal import BadInput
from segue.errors import TooLarge


def read_stdin(limit: int) -> str:
    """All of standard input; TooLarge over `limit` bytes, exit 2 if it is not UTF-8."""
    if sys.stdin is None:
        raise BadInput("standard input is closed")
    try:
        data = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise BadInput(f"standard input cannot be read: {error.strerror}; nothing was stored") from None
    if len(data) > limit:
        raise TooLarge(f"standard input has more than {limit} bytes; nothing was stored", limit=limit)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"standard input is not UTF-8 at byte {error.start}; nothing was stored") from None
