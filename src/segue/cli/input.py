"""Standard input as text."""

import sys

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
