"""`restore`: a copy takes the database's place. The one command that needs no daemon, and none may run meanwhile."""

import os
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from segue.cli.confirm import confirmed, require_tty
from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import Failure, echo, escape_controls, escape_line, warn
from segue.client import Client, ClientError
from segue.config import SessionConfig
from segue.errors import AlreadyRunning, SegueError
from segue.paths import Paths
from segue.store.maintenance import restore as restoring

STOP_SECONDS = 20
"""A daemon told to stop is gone after 10 seconds at the latest; another may have been started meanwhile."""

PAUSE_SECONDS = 0.05


@command(examples=["segue restore ~/backups/segue.db", "segue restore --stop --yes /mnt/usb/segue.db"])
@click.argument("path", metavar="PATH")
@click.option("--stop", is_flag=True, help="Stop a running daemon first.")
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@pass_daemon
def restore(daemon: DaemonClient, *, path: str, stop: bool, yes: bool) -> int:
    """Replace the database by a backup.

    PATH is a file made by `segue backup`. The backup is verified first. The current database is renamed, not deleted,
    and the new name is printed. Exit status 1 if a daemon runs and --stop is missing, or if you decline.
    """
    if not path:
        raise click.UsageError("PATH is empty")
    paths, source = daemon.paths, Path(os.path.abspath(path))
    if not source.exists():
        raise Failure(f"No such file: {source}")
    if not yes:
        require_tty("restored")
    with ExitStack() as holding:
        if not stop:
            _held(paths).close()  # a person may think long, and whoever needs a daemon meanwhile gets one
        chosen = holding.enter_context(
            restoring.restore_candidate(source, paths.database, *_limits(paths.config.session))
        )
        _describe(chosen)
        if not yes and not confirmed(escape_controls(f"Put {source} in the place of {paths.database}?")):
            return warn("nothing was restored", 1)
        holding.enter_context(_stopped(paths) if stop else _held(paths))
        kept = restoring.replace_database(paths.database, chosen)
    echo(escape_controls(f"restored {paths.database} from {source}"))
    if kept is not None:
        echo(escape_controls(f"the previous database is {kept}"))
    return 0


def _held(paths: Paths) -> ExitStack:
    holding = ExitStack()
    try:
        holding.enter_context(restoring.exclusive_lock(paths.database, paths.lock))
    except AlreadyRunning:
        raise Failure(f"a segued serves {paths.database}; give --stop to stop it first") from None
    return holding


def _stopped(paths: Paths) -> ExitStack:
    """The same once the daemon that serves has gone; Failure if it does not go."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            return _held(paths)
        except Failure:
            if time.monotonic() > deadline:
                raise Failure(f"the segued that serves {paths.database} did not stop; nothing was restored") from None
        with suppress(ClientError, SegueError), Client.connect(paths, timeout=1, autostart=False) as client:
            client.request("daemon.shutdown")
        time.sleep(PAUSE_SECONDS)


def _limits(session: SessionConfig) -> tuple[int | None, int]:
    """What the daemon's own cleanup will go by."""
    return (session.retention_ms, session.max_sessions) if session.auto_cleanup else (None, 0)


def _describe(chosen: restoring.Candidate) -> None:
    newest = f", last used {escape_line(str(chosen.newest))}" if chosen.newest else ""
    sys.stderr.write(f"the copy holds {chosen.sessions} sessions with {chosen.messages} messages{newest}\n")
    if chosen.expired:
        sys.stderr.write(
            f"{chosen.expired} of them are due for cleanup and will be deleted when segued runs:"
            " to keep them, set session.retention_days = 0 in the configuration first\n"
        )
