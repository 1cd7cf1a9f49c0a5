"""The `rpc` command: call any method of the daemon."""

from typing import Any

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.input import read_stdin
from segue.cli.output.rpc_response import print_response
from segue.client.json_values import replace_surrogates
from segue.errors import ParseError
from segue.jsonrpc.messages import parse_json


@command(
    examples=[
        "segue rpc daemon.status",
        "segue rpc session.list limit=5 pinned=true",
        """segue rpc session.get '{"session_id": "2026-11-21-0531-754"}'""",
    ]
)
@click.argument("method")
@click.argument("params", nargs=-1, metavar="[JSON | - | NAME=VALUE...]")
@pass_daemon
def rpc(daemon: DaemonClient, *, method: str, params: tuple[str, ...]) -> int:
    """Call a JSON-RPC method and print its result.

    The parameters are one JSON object or array, or - to read it from standard input, or NAME=VALUE pairs. A value is
    parsed as JSON if possible (limit=5, pinned=true); otherwise it is text.

    Exit status 1 if the daemon returns an error; the error object goes to standard error as JSON.
    """
    parsed = parse_params(params, daemon.paths.config.limits.request_bytes)
    daemon.autostart = method != "daemon.shutdown"
    daemon.disable_timeout()
    return print_response(daemon.exchange_raw(method, parsed))


def parse_params(params: tuple[str, ...], limit: int) -> Any:
    """Return the value to send as `params`, or None if there are no arguments.

    Raises:
        click.UsageError: The arguments are neither one JSON value nor NAME=VALUE pairs.
    """
    if not params:
        return None
    if len(params) == 1 and (params[0] == "-" or params[0].lstrip()[:1] in ("{", "[")):
        return _parse_json(read_stdin(limit) if params[0] == "-" else params[0])
    return dict(_parse_pair(pair) for pair in params)


def _parse_json(text: str) -> Any:
    try:
        return parse_json(replace_surrogates(text).encode())
    except ParseError as error:
        raise click.UsageError(f"the parameters are not valid JSON: {error}") from None


def _parse_pair(pair: str) -> tuple[str, Any]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        hint = "use either one JSON value or name=value pairs, not both"
        if pair[:1] not in ("{", "["):
            hint = "use name=value, or one JSON array for positional parameters"
        raise click.UsageError(f"invalid parameter {pair!r}: {hint}")
    try:
        return name, parse_json(replace_surrogates(value).encode())
    except ParseError:
        return name, value
