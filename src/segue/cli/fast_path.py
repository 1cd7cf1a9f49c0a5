"""The plain calls of scripts and prompts, `ping` and `rpc METHOD name=value…`, without the whole command line.

What stands here must do letter by letter what the whole command line does, for a third of its time: the rest of it goes
into importing click and msgspec. Whatever is not plain is left to it before anything has been asked.
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
"""As for every command: a daemon that hangs is told of, not waited for."""

PING = b'{"jsonrpc":"2.0","method":"daemon.ping","id":1}\n'
PONG = b'{"jsonrpc":"2.0","result":"pong","id":1}'
RESULT, END = b'{"jsonrpc":"2.0","result":', b',"id":1}'
"""What stands around a result, so that it need not be parsed to be printed as it is."""

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_SHORT_INTEGER = re.compile(r"0|-?[1-9]\d{0,14}", re.ASCII)
_BLANKS = " \t\r\n"
"""What JSON takes for white space."""


class Call(NamedTuple):
    """A method and its line, or `ping`."""

    line: bytes | None


def fast_call(arguments: list[str]) -> int | None:
    """The exit code of a plain call; None if it is not plain, or if nobody serves: then nothing was asked."""
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
    """The call if it is a plain one: no options, nothing to be read, no value that could be read in two ways."""
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
    """The JSON of a value: itself if it is JSON, else a string; ValueError where only a parser can tell."""
    inner = value.strip(_BLANKS)
    if inner in ("true", "false", "null") or _SHORT_INTEGER.fullmatch(inner):
        return inner
    if inner[:1] in ('"', "[", "{") or _NUMBER.fullmatch(inner):
        raise ValueError("for a parser")
    return _text(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{_text(name)}:{value}" for name, value in members.items()) + "}"


def _connect() -> SocketIO | None:
    """A connection to who serves; who does not, or cannot be found, is for the whole command line to tell."""
    try:
        paths = resolve_paths(PathOptions())
        connected = try_connect(paths)
    except (StartError, Unreachable):
        return None
    return None if connected is None else SocketIO(connected, paths)


def _exchange(line: SocketIO, request: bytes, timeout: float | None) -> bytes:
    """The line that comes first."""
    deadline = deadline_of(timeout)
    line.send(request, timeout)
    answer = bytearray()
    while not (data := line.receive(deadline, timeout)).count(b"\n"):
        if not data:
            raise ConnectionLost("the daemon closed the connection before it answered")
        answer += data
        if len(answer) > MAX_ANSWER_BYTES:
            raise ProtocolError(f"an answer of more than {MAX_ANSWER_BYTES} bytes came")
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
