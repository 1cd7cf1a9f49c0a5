"""The `restore` command. It works on the database file itself, because no daemon may serve it meanwhile."""

import os
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.input import confirmed, require_tty
from segue.cli.output.progress import ProgressDisplay
from segue.cli.output.terminal import Failure, echo, escape_controls, escape_line, warn
from segue.client import Client, ClientError
from segue.config import Config
from segue.errors import AlreadyRunning, SegueError
from segue.paths import Paths
from segue.runtime.progress import Progress
from segue.store.maintenance import restore as restoring

STOP_SECONDS = 20
"""Seconds: how long to wait for a daemon to stop. It needs at most 10 s, but a client may have started another."""

PAUSE_SECONDS = 0.05
"""Seconds: pause between two attempts to take the lock."""


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
        raise Failure(f"no such file: {source}")
    if not yes:
        require_tty("restored")
    with ExitStack() as stack:
        if not stop:
            _lock(paths).close()  # Not held during the question, because clients may need a daemon meanwhile
        progress = Progress("restore")
        with ProgressDisplay(progress, "nothing was replaced; run it again"):
            candidate = restoring.restore_candidate(source, paths.database, progress, *_limits(paths.config))
            chosen = stack.enter_context(candidate)
        _describe(chosen)
        if not yes and not confirmed(escape_controls(f"Replace {paths.database} by {source}?")):
            return warn("nothing was restored", 1)
        stack.enter_context(_stop_and_lock(paths) if stop else _lock(paths))
        kept = restoring.replace_database(paths.database, chosen)
    echo(escape_controls(f"restored {paths.database} from {source}"))
    if kept is not None:
        echo(escape_controls(f"the previous database is {kept}"))
    return 0


def _lock(paths: Paths) -> ExitStack:
    stack = ExitStack()
    try:
        stack.enter_context(restoring.exclusive_lock(paths.database, paths.lock))
    except AlreadyRunning:
        raise Failure(f"segued serves {paths.database}; use --stop to stop it first") from None
    return stack


def _stop_and_lock(paths: Paths) -> ExitStack:
    """Stop the daemon, and lock the database.

    Raises:
        Failure: The daemon did not stop within STOP_SECONDS.
    """
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            return _lock(paths)
        except Failure:
            if time.monotonic() > deadline:
                raise Failure(f"segued still serves {paths.database}; nothing was restored") from None
        with suppress(ClientError, SegueError), Client.connect(paths, timeout=1, autostart=False) as client:
            client.request("daemon.shutdown")
        time.sleep(PAUSE_SECONDS)


def _limits(config: Config) -> tuple[tuple[int | None, int | None], int]:
    """Return the ages of own and imported sessions, in milliseconds, and the number above which cleanup deletes."""
    if not config.session.auto_cleanup:
        return (None, None), 0
    return (config.session.retention_ms, config.import_.retention_ms), config.session.max_sessions


def _describe(chosen: restoring.Candidate) -> None:
    newest = f", last used {escape_line(str(chosen.newest))}" if chosen.newest else ""
    sys.stderr.write(f"the backup contains {chosen.sessions} sessions with {chosen.messages} messages{newest}\n")
    if chosen.expired:
        sys.stderr.write(
            f"{chosen.expired} of them are older than the configured retention and will be deleted when segued runs;"
            " to keep them, set session.retention_days = 0 first\n"
        )
