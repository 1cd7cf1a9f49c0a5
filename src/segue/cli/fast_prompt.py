"""The `prompt` command without click and msgspec, because a prompt or a status line runs it every few seconds."""

import json
import os
import re
from contextlib import closing
from typing import Any

from segue.cli.output.terminal import echo
from segue.client.connect import try_connect
from segue.client.errors import Unreachable
from segue.errors import StartError
from segue.paths import PathOptions, Paths, resolve_paths
from segue.runtime.place import current_place

SECONDS = 0.3
"""Seconds: how long the daemon may take to answer. SEGUE_BUDGET replaces it."""

MAX_BYTES = 1_000_000
"""Bytes: the longest answer that is read."""

SHELLS = ("zsh", "bash", "fish", "tmux", "plain")
MAX_COLUMNS = 1000

_OPTION = re.compile(r"--(shell|format|name-chars)(?:=(.*))?", re.DOTALL)


def fast_prompt(arguments: list[str]) -> int | None:
    """Return the exit status of `prompt` with simple options, or None if the whole command line must read them."""
    options = parse_options(arguments[1:])
    if options is None:
        return None
    try:
        return print_prompt(resolve_paths(PathOptions()), options)
    except StartError:
        return None


def parse_options(arguments: list[str]) -> dict[str, Any] | None:
    """Return the parameters of `session.prompt` that the options give, or None if only click can read them."""
    words = iter(arguments)
    params: dict[str, Any] = {}
    for word in words:
        found = _OPTION.fullmatch(word)
        value = (found[2] if found[2] is not None else next(words, None)) if found else None
        if found is None or value is None:
            return None
        if found[1] == "name-chars":
            if not re.fullmatch(r"\d{1,4}", value, re.ASCII) or int(value) > MAX_COLUMNS:
                return None
            params["name_chars"] = int(value)
        elif found[1] == "shell" and value not in SHELLS:
            return None
        else:
            params[found[1]] = value
    return params


def print_prompt(paths: Paths, options: dict[str, Any]) -> int:
    """Print the segment of the current directory, or nothing if no daemon answers in time; the exit status is 0."""
    try:
        place = current_place(None if paths.configured is None else paths.configured.session)
        text = _call(paths, {"shell": "plain", **options, **place})
    except (OSError, Unreachable):
        return 0
    if text:
        echo(text)
    return 0


def _call(paths: Paths, params: dict[str, Any]) -> str | None:
    """Return the result of `session.prompt`, or None if the daemon returns an error.

    Raises:
        OSError: the daemon did not answer in time, or closed the connection.
        Unreachable: no daemon serves.
    """
    connected = try_connect(paths)
    if connected is None:
        return None
    request = {"jsonrpc": "2.0", "method": "session.prompt", "params": params, "id": 1}
    with closing(connected):
        connected.settimeout(_budget())
        connected.sendall(json.dumps(request).encode() + b"\n")
        with connected.makefile("rb") as answers:
            answer = answers.readline(MAX_BYTES)
    try:
        result = json.loads(answer)["result"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return result if isinstance(result, str) else None


def _budget() -> float:
    try:
        return max(0.001, min(float(os.environ.get("SEGUE_BUDGET") or SECONDS), 3600.0))
    except ValueError:
        return SECONDS
