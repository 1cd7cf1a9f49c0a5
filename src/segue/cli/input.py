"""Standard input as text."""

import sys

from segue.cli.output.terminal import BadInput
from segue.errors import TooLarge


def read_stdin(limit: int) -> str:
    """Return all of standard input.

    Raises:
        TooLarge: It has more than `limit` bytes.
        BadInput: It is closed, cannot be read or is not UTF-8.
    """
    if sys.stdin is None:
        raise BadInput("cannot read standard input: it is closed; nothing was stored")
    try:
        data = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise BadInput(f"cannot read standard input: {error.strerror}; nothing was stored") from None
    if len(data) > limit:
        raise TooLarge(f"standard input has more than {limit} bytes; nothing was stored", limit=limit)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"standard input is not UTF-8 at byte {error.start}; nothing was stored") from None
