"""`rpc`: any method of the daemon, as it is on the wire."""

from typing import Any

import click
import msgspec

from segue.cli.daemon_client import Daemon, pass_daemon
from segue.cli.input import read_stdin
from segue.cli.output.rpc_answer import put_answer


@click.command()
@click.argument("method")
@click.argument("params", nargs=-1, metavar="[JSON | - | NAME=VALUE...]")
@pass_daemon
def rpc(daemon: Daemon, *, method: str, params: tuple[str, ...]) -> int:
    """Call METHOD and print its result as JSON; an error goes to stderr as JSON, with exit 1.

    Parameters are one JSON object or array, or - to read it from standard input, or name=value pairs: a value is
    JSON if it can be read so (limit=5, pinned=true), else text.
    """
    parsed = parse_params(params, daemon.paths.config.limits.request_bytes)
    daemon.autostart = method != "daemon.shutdown"
    daemon.disable_timeout()
    return put_answer(daemon.client.exchange(method, parsed))


def parse_params(params: tuple[str, ...], limit: int) -> Any:
    """What to send; wrong usage if it is neither one JSON value nor name=value pairs."""
    if not params:
        return None
    if len(params) == 1 and (params[0] == "-" or params[0].lstrip()[:1] in ("{", "[")):
        return _parse_json(read_stdin(limit) if params[0] == "-" else params[0])
    return dict(_parse_pair(pair) for pair in params)


def _parse_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.UsageError(f"the parameters are not JSON: {error}") from None


def _parse_pair(pair: str) -> tuple[str, Any]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        hint = "one JSON value, or name=value as often as needed, not both"
        if pair[:1] not in ("{", "["):
            hint = "name=value, or all by position as one JSON array"
        raise click.UsageError(f"{pair!r} is no parameter: give {hint}")
    try:
        return name, msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return name, value
