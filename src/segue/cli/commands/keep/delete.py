"""The `delete` command."""

import sys

import click

from segue.cli.confirm import confirmed, require_tty
from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, escape_line, warn
from segue.cli.session_lookup import find_session
from segue.models import Session
from segue.results import Deleted


@command(examples=["segue delete 2026-11-21-0531-754", "segue delete --yes 2026-11-21-0531 2026-11-20-1702"])
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@pass_daemon
def delete(daemon: DaemonClient, *, session_ids: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Delete sessions with all their messages.

    ID is a session ID or a unique prefix of one. If one of the IDs is unknown, nothing is deleted. Exit status 1 if
    you decline.
    """
    if not yes:
        require_tty()
    sessions = [find_session(daemon, given) for given in dict.fromkeys(session_ids)]
    if not yes and not _confirm(sessions):
        return warn("nothing was deleted", 1)
    return max(_delete(daemon, session, as_json=as_json) for session in sessions)


def _delete(daemon: DaemonClient, session: Session, *, as_json: bool) -> int:
    response = daemon.exchange("session.delete", session_id=session.id)
    deleted = response.decode(Deleted).deleted
    if as_json:
        echo_json(response.raw())
    elif deleted:
        echo(f"deleted {session.id}")
    return 0 if deleted else warn(f"{session.id} was already deleted by another client", 1)


def _confirm(sessions: list[Session]) -> bool:
    """Return True if the user confirms the deletion of all sessions."""
    for session in sessions:
        pinned = ", pinned" if session.pinned else ""
        sys.stderr.write(
            escape_line(f"{session.id} {session.name or ''} ({session.message_count} messages{pinned})") + "\n"
        )
    return confirmed("Delete permanently?")
