"""The answer to a request as `segue rpc` prints it."""

import sys

import msgspec

from segue.cli.output.terminal import echo_json, escape_line
from segue.client.protocol import Answer, WireError


def print_response(answer: Answer) -> int:
    """Print the result, or the error on stderr; returns the exit code."""
    if isinstance(answer.error, WireError):
        sys.stderr.write(escape_line(msgspec.json.encode(answer.error).decode()) + "\n")
        return 1
    echo_json(answer.raw())
    return 0
