"""The simple calls of scripts, `ping` and `rpc METHOD name=value…`, without click and msgspec.

They print byte for byte what the whole command line prints, in a third of the time. A call that is not simple is passed
to the whole command line before anything is sent.
"""

import json
import re
from typing import NamedTuple

from segue.cli.output.terminal import UNREACHABLE, echo, echo_json, warn
from segue.client.connect import try_connect
from segue.client.errors import ClientError, ConnectionLost, ProtocolError, Unreachable
from segue.client.socket_io import MAX_ANSWER_BYTES, SocketIO, deadline_of
from segue.errors import StartError
from segue.paths import PathOptions, resolve_paths

ANSWER_SECONDS = 10.0
"""Seconds: time for the response to a ping. The same as for every command."""

PING = b'{"jsonrpc":"2.0","method":"daemon.ping","id":1}\n'
PONG = b'{"jsonrpc":"2.0","result":"pong","id":1}'
RESULT, END = b'{"jsonrpc":"2.0","result":', b',"id":1}'
"""The bytes around a result. A result is printed without being parsed."""

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_SHORT_INTEGER = re.compile(r"0|-?[1-9]\d{0,14}", re.ASCII)
_BLANKS = " \t\r\n"
"""The white space of JSON."""


class Call(NamedTuple):
    """A request; `line` is None for `ping`."""

    line: bytes | None


def fast_call(arguments: list[str]) -> int | None:
    """Return the exit status of a simple call, or None if it is not simple or no daemon serves."""
    call = parse(arguments)
    if call is None or (line := _connect()) is None:
        return None
    try:
        if _exchange(line, PING, ANSWER_SECONDS) != PONG:
            return None
        return _put_pong() if call.line is None else _print_response(_exchange(line, call.line, None))
    except ClientError as fault:
        return warn(str(fault), UNREACHABLE)
    finally:
        line.close()


def parse(arguments: list[str]) -> Call | None:
    """Return the call if it has no options, reads no input, and each value has one meaning."""
    if arguments == ["ping"]:
        return Call(None)
    if len(arguments) < 2 or arguments[0] != "rpc" or any(argument.startswith("-") for argument in arguments):
        return None
    if len(arguments) == 3 and arguments[2].lstrip()[:1] in ("{", "["):
        return None
    try:
        params = {name: _value(value) for name, value in map(_split, arguments[2:])}
    except ValueError:
        return None
    members = {"jsonrpc": '"2.0"', "method": _text(arguments[1]), "id": "1"}
    if params:
        members["params"] = _object(params)
    try:
        return Call(_object(members).encode() + b"\n")
    except UnicodeEncodeError:
        return None


def _split(pair: str) -> tuple[str, str]:
    name, separator, value = pair.partition("=")
    if not name or not separator:
        raise ValueError("neither name nor value")
    return name, value


def _value(value: str) -> str:
    """Return a value as JSON, or as a JSON string if it is not JSON.

    Raises:
        ValueError: only a parser can decide.
    """
    inner = value.strip(_BLANKS)
    if inner in ("true", "false", "null") or _SHORT_INTEGER.fullmatch(inner):
        return inner
    if inner[:1] in ('"', "[", "{") or _NUMBER.fullmatch(inner):
        raise ValueError("only a parser can decide")
    return _text(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{_text(name)}:{value}" for name, value in members.items()) + "}"


def _connect() -> SocketIO | None:
    """Return a connection, or None if no daemon serves; the whole command line then prints the reason."""
    try:
        paths = resolve_paths(PathOptions())
        connected = try_connect(paths)
    except (StartError, Unreachable):
        return None
    return None if connected is None else SocketIO(connected, paths)


def _exchange(line: SocketIO, request: bytes, timeout: float | None) -> bytes:
    """Send the request and return the first line of the response."""
    deadline = deadline_of(timeout)
    line.send(request, timeout)
    answer = bytearray()
    while not (data := line.receive(deadline, timeout)).count(b"\n"):
        if not data:
            raise ConnectionLost("the daemon closed the connection before it answered")
        answer += data
        if len(answer) > MAX_ANSWER_BYTES:
            raise ProtocolError(f"received a response of more than {MAX_ANSWER_BYTES} bytes")
    return bytes(answer + data.partition(b"\n")[0])


def _put_pong() -> int:
    echo("pong")
    return 0


def _print_response(answer: bytes) -> int:
    if answer.startswith(RESULT) and answer.endswith(END):
        echo_json(answer[len(RESULT) : -len(END)])
        return 0
    from segue.cli.output.rpc_response import print_response
    from segue.client.protocol import parse_answer

    return print_response(parse_answer(answer))
