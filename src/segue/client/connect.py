"""Find the socket of the daemon and connect to it."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from segue.client.diagnostics import hang_hint
from segue.client.errors import TimedOut, Unreachable
from segue.paths import Paths, check_socket_length
from segue.runtime.daemon_record import MAX_RECORD_BYTES, read_record
from segue.runtime.json_object import is_text, parse_object
from segue.runtime.peer_credentials import is_same_user

FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.05
"""Seconds: the pauses between attempts while the backlog of the listener is full. It drains in milliseconds."""

CHECK_SECONDS = 2.0
"""Seconds: the timeout of the request that asks a daemon at the default socket for its database."""

ABSENT = {errno.ENOENT, errno.ECONNREFUSED}
"""Error numbers: no process listens. Only then may a daemon be started."""

Target = Paths | Path | str
"""The paths of `resolve_paths`, or the path of a socket."""


def connection_attempts(
    target: Target, timeout: float | None, *, autostart: bool, grace: float = 0
) -> Iterator[socket.socket | float | Paths]:
    """Yield the seconds to wait before each attempt, and at last the connection, or the paths of a daemon to start.

    During the first `grace` seconds no daemon is started, because a service manager may be restarting it.

    Raises:
        Unreachable: no daemon serves, and none may be started.
        TimedOut: the daemon accepted no connection within `timeout` seconds.
    """
    delays = backoff_delays(target, timeout)
    patience = time.monotonic() + (grace if timeout is None else min(grace, timeout))
    while True:
        try:
            if (connected := try_connect(target)) is not None:
                yield connected
        except Unreachable as fault:
            if not fault.absent or time.monotonic() >= patience:
                if not (autostart and can_autostart(target, fault)):
                    raise
                yield target
        yield next(delays)


def try_connect(target: Target) -> socket.socket | None:
    """Return a connected socket, or None if the backlog of the listener is full.

    A record file that a killed daemon left is ignored.

    Raises:
        Unreachable: no daemon serves.
    """
    *guesses, last = _candidates(target)
    for guess in guesses:
        try:
            return _connect(guess)
        except Unreachable:
            continue
    try:
        connected = _connect(last)
    except Unreachable as fault:
        raise _with_command(target, fault) if isinstance(target, Paths) else fault from None
    if connected and isinstance(target, Paths) and target.database_explicit and not target.socket_explicit:
        _check_database(connected, target)
    return connected


def backoff_delays(target: Target, timeout: float | None) -> Iterator[float]:
    """Yield the seconds to wait before each further attempt; raise TimedOut when their sum exceeds the timeout."""
    pause, waited = FIRST_PAUSE, 0.0
    while timeout is None or waited < timeout:
        yield pause
        waited += pause
        pause = min(pause * 2, LONGEST_PAUSE)
    hint = hang_hint(target if isinstance(target, Paths) else None)
    raise TimedOut(f"the daemon accepted no connection within {timeout} s{hint}")


def can_autostart(target: Target, fault: Unreachable) -> TypeGuard[Paths]:
    """Return True if a daemon may be started: the paths and the environment allow it."""
    allowed = os.environ.get("SEGUE_NO_AUTOSTART", "") in ("", "0")
    return allowed and fault.absent and isinstance(target, Paths) and target.may_start


def _candidates(target: Target) -> list[Path]:
    if not isinstance(target, Paths):
        return [Path(target)]
    record = None if target.socket_explicit else read_record(target)
    return [target.socket] if record is None else [Path(record.socket), target.socket]


def _connect(path: Path) -> socket.socket | None:
    """Return a socket whose listener, by the kernel's credentials, runs as this user; None if its backlog is full."""
    check_socket_length(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(0)
    failed = made.connect_ex(os.fspath(path))
    if not failed and is_same_user(made):
        return made
    made.close()
    if not failed:
        raise Unreachable(path, "another user listens there", absent=False)
    if failed == errno.EAGAIN:
        return None
    raise Unreachable(path, os.strerror(failed), absent=failed in ABSENT)


def _check_database(connected: socket.socket, paths: Paths) -> None:
    """Raise Unreachable if the daemon at the default socket serves another database than the explicit one."""
    try:
        connected.settimeout(CHECK_SECONDS)
        connected.sendall(b'{"jsonrpc":"2.0","method":"daemon.status","id":0}\n')
        with connected.makefile("rb") as answers:
            served = parse_object(answers.readline(MAX_RECORD_BYTES))["result"]["database"]["path"]
    except (OSError, LookupError, TypeError):
        served = None
    if not is_text(served) or os.path.realpath(served) != os.path.realpath(paths.database):
        connected.close()
        raise _with_command(paths, Unreachable(paths.database, "no daemon serves this database"))


def _with_command(paths: Paths, fault: Unreachable) -> Unreachable:
    """Return the error with the command that starts a daemon at these paths."""
    from segue.client.autostart.endpoint import start_command  # Not needed when a daemon serves.

    return Unreachable(fault.path, fault.reason, start_command(paths), absent=fault.absent)
