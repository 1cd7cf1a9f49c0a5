"""The response to a request as `segue rpc` prints it."""

import sys

import msgspec

from segue.cli.output.terminal import echo_json, escape_line
from segue.client.protocol import Answer, WireError


def print_response(response: Answer) -> int:
    """Print the result, or the error on standard error, and return the exit status."""
    if isinstance(response.error, WireError):
        sys.stderr.write(escape_line(msgspec.json.encode(response.error).decode()) + "\n")
        return 1
    echo_json(response.raw())
    return 0
