"""The `move` command."""

import os

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import Failure, echo, escape_line
from segue.models import SessionSummary
from segue.results import SessionPage
from segue.runtime.place import find_project
from segue.workflows.sessions import NULL


@command(examples=["segue move ~/old-name ~/new-name", "segue move --dry-run /srv/app /srv/app2"])
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--dry-run", is_flag=True, help="Report what would be moved, and change nothing.")
@pass_daemon
def move(daemon: DaemonClient, *, old: str, new: str, dry_run: bool) -> None:
    """Move sessions after a directory or repository was renamed.

    The sessions of OLD and of the directories below it belong to NEW afterwards, and to its repository if it is in one.
    So `segue move DIR DIR` puts the sessions that programs made by directory into the repository. Exit status 1 if
    there are none.
    """
    before, after = _directory(old), _directory(new)
    found = False
    for session in _sessions(daemon):
        homes = {"working_dir": session.working_dir, "project": session.project}
        moved = {name: _renamed(path, before, after) for name, path in homes.items() if _is_below(path, before)}
        if session.project is None and "working_dir" in moved and (root := find_project(moved["working_dir"])):
            moved["project"] = root
        if not moved:
            continue
        found = True
        if not dry_run:
            daemon.exchange("session.update", session_id=session.id, **moved).raw()
        target = moved.get("working_dir") or moved["project"]
        echo(escape_line(f"{session.id} {'would move' if dry_run else 'moved'} to {target}"))
    if not found:
        raise Failure(f"no session belongs to {escape_line(before)}")


def _sessions(daemon: DaemonClient) -> list[SessionSummary]:
    pages = daemon.pages("session.list", SessionPage, preview_chars=0, archived=NULL)
    return [session for _, page in pages for session in page.sessions]


def _is_below(directory: str | None, parent: str) -> bool:
    return directory is not None and f"{directory}/".startswith(parent.rstrip("/") + "/")


def _renamed(path: str | None, before: str, after: str) -> str:
    return after.rstrip("/") + (path or "")[len(before.rstrip("/")) :] or "/"


def _directory(path: str) -> str:
    if not path:
        raise click.UsageError("OLD and NEW must not be empty")
    real = os.fsencode(os.path.realpath(os.path.expanduser(path)))
    return real.decode(errors="backslashreplace")
