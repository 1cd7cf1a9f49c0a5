"""The `start`, `stop` and `restart` commands."""

import time

from segue.cli.daemon_client import STARTS, DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.progress import ProgressDisplay
from segue.cli.output.terminal import Failure, echo, echo_json, escape_line
from segue.client import Unreachable
from segue.client.autostart.start import start_daemon
from segue.results import DaemonStatus
from segue.runtime.lock import lock_holder
from segue.runtime.progress import STARTING

STOP_SECONDS = 20.0
"""Seconds: how long to wait for a daemon to stop. It needs at most 10 s."""

POLL_SECONDS = 0.05
"""Seconds: pause between two checks whether the daemon has stopped."""


@command(examples=["segue start", "segue --database ~/notes.db start"])
@json_option
@pass_daemon
def start(daemon: DaemonClient, *, as_json: bool) -> None:
    """Start the daemon unless it already runs.

    Prints its socket and process ID. --json prints the result of `daemon.status`. Exit status 4 if it cannot start.
    """
    daemon.autostart = False
    try:
        daemon.client.exchange("daemon.ping")
        state = "already serves"
    except Unreachable as error:
        if not error.absent:
            raise
        _start(daemon)
        daemon.reconnect()
        state = "serves"
    _report(daemon, state, as_json=as_json)


@command(examples=["segue stop"])
@pass_daemon
def stop(daemon: DaemonClient) -> None:
    """Stop the daemon and wait until it has exited.

    The next command that needs it starts it again. A daemon that a service manager runs is stopped too, but the
    manager may start it again. Exit status 1 if the daemon does not stop within 20 s.
    """
    echo("segued stopped" if _stop(daemon) else "segued is not running")


@command(examples=["segue restart"])
@json_option
@pass_daemon
def restart(daemon: DaemonClient, *, as_json: bool) -> None:
    """Stop the daemon if it runs, and start it.

    Needed after a change of the configuration or an upgrade. Exit status 4 if it cannot start.
    """
    _stop(daemon)
    _start(daemon)
    daemon.reconnect()
    _report(daemon, "serves", as_json=as_json)


def _stop(daemon: DaemonClient) -> bool:
    """Stop the daemon, and return True if one was running.

    Raises:
        Failure: The daemon did not stop in time.
    """
    daemon.autostart = False
    pid = lock_holder(daemon.paths.lock)
    try:
        daemon.client.exchange("daemon.shutdown")
    except Unreachable:
        if pid is None:
            return False
    deadline = time.monotonic() + STOP_SECONDS
    while (holder := lock_holder(daemon.paths.lock)) is not None and holder == (pid or holder):
        if time.monotonic() > deadline:
            raise Failure(f"segued (pid {holder}) did not stop within {STOP_SECONDS:g} s; end it with: kill {holder}")
        time.sleep(POLL_SECONDS)
    daemon.close()
    return True


def _report(daemon: DaemonClient, state: str, *, as_json: bool) -> None:
    response = daemon.exchange("daemon.status")
    if as_json:
        return echo_json(response.raw())
    status = response.decode(DaemonStatus)
    return echo(escape_line(f"segued {state} {status.database.path} at {status.socket} (pid {status.pid})"))


def _start(daemon: DaemonClient) -> None:
    """Start the daemon, and show the migration of the database if it takes long."""
    with ProgressDisplay(STARTING, STARTS):
        start_daemon(daemon.paths).close()
