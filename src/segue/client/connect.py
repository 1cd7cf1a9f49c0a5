"""Where a daemon may be listening, and one attempt to reach it there."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from segue.client.diagnostics import advice
from segue.client.errors import TimedOut, Unreachable
from segue.paths import Paths, check_socket_length
from segue.runtime.daemon_record import MAX_RECORD_BYTES, read_record

FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.05
"""Seconds between attempts at a daemon whose backlog is full: short, for it drains in milliseconds."""

ASK_SECONDS = 2.0
"""For the one question at a socket that nobody named and no record vouches for."""

ABSENT = {errno.ENOENT, errno.ECONNREFUSED}
"""What the kernel says where nobody listens; anything else is no reason to start a daemon."""

Target = Paths | Path | str
"""The places that `resolve_paths` found, or a socket's path."""


def try_connect(where: Target) -> socket.socket | None:
    """A connected socket, or None if the daemon is there but too busy to accept; Unreachable if nobody serves.

    A record that leads nowhere, left by a daemon that was killed, is passed over.
    """
    *guesses, last = _candidates(where)
    for guess in guesses:
        try:
            return _connect(guess)
        except Unreachable:
            continue
    try:
        connected = _connect(last)
    except Unreachable as fault:
        raise _advised(where, fault) if isinstance(where, Paths) else fault from None
    if connected and isinstance(where, Paths) and where.database_explicit and not where.socket_explicit:
        _check_database(connected, where)
    return connected


def backoff_delays(where: Target, timeout: float | None) -> Iterator[float]:
    """Seconds to wait before each further attempt; TimedOut when together they exceed the timeout."""
    pause, waited = FIRST_PAUSE, 0.0
    while timeout is None or waited < timeout:
        yield pause
        waited += pause
        pause = min(pause * 2, LONGEST_PAUSE)
    said = advice(where) if isinstance(where, Paths) and _leads_to_holder(where) else ""
    raise TimedOut(f"the daemon accepted no connection within {timeout} s{said}")


def can_autostart(where: Target, fault: Unreachable) -> TypeGuard[Paths]:
    """Whether to start a daemon where none was found: if its database is known and the environment allows it."""
    allowed = os.environ.get("SEGUE_NO_AUTOSTART", "") in ("", "0")
    return allowed and fault.absent and isinstance(where, Paths)


def _candidates(where: Target) -> list[Path]:
    if not isinstance(where, Paths):
        return [Path(where)]
    record = None if where.socket_explicit else read_record(where)
    return [where.socket] if record is None else [Path(record.socket), where.socket]


def _leads_to_holder(paths: Paths) -> bool:
    """Whether the socket is that of whoever has the database, as far as can be told without a connection."""
    record = read_record(paths)
    return not paths.socket_explicit if record is None else record.socket == str(paths.socket)


def _connect(path: Path) -> socket.socket | None:
    check_socket_length(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(0)
    failed = made.connect_ex(os.fspath(path))
    if not failed:
        return made
    made.close()
    if failed == errno.EAGAIN:
        return None
    raise Unreachable(path, os.strerror(failed), absent=failed in ABSENT)


def _check_database(connected: socket.socket, paths: Paths) -> None:
    """Unreachable if who answers at the default socket serves another database than the one that was named."""
    try:
        connected.settimeout(ASK_SECONDS)
        connected.sendall(b'{"jsonrpc":"2.0","method":"daemon.status","id":0}\n')
        with connected.makefile("rb") as answers:
            served = _parse(answers.readline(MAX_RECORD_BYTES))["result"]["database"]["path"]
    except (OSError, LookupError, TypeError):
        served = None
    if not _is_text(served) or os.path.realpath(served) != os.path.realpath(paths.database):
        connected.close()
        raise _advised(paths, Unreachable(paths.database, "nobody serves this database"))


def _advised(paths: Paths, fault: Unreachable) -> Unreachable:
    """The same with the command that starts a daemon at these places."""
    from segue.client.endpoint import start_command  # not needed by a call that finds its daemon

    return Unreachable(fault.path, fault.reason, start_command(paths), absent=fault.absent)


def _parse(data: bytes) -> dict[str, Any]:
    """The JSON object, empty if it is none."""
    import json  # not msgspec, which takes longer to import than everything else on the way to a plain call

    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is text, and not only half of a character."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value
