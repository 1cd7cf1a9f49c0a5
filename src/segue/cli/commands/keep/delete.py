"""The `delete` command."""

import sys

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import MessageId, command
from segue.cli.input import confirmed, require_tty
from segue.cli.output.terminal import echo, echo_json, escape_line, warn
from segue.cli.session_lookup import find_session
from segue.models import Message, Session
from segue.results import Deleted
from segue.workflows import changes


@command(
    examples=[
        "segue delete 2026-11-21-0531-754",
        "segue delete '#12'",
        "segue delete --yes 2026-11-21-0531 2026-11-20-1702",
    ]
)
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@pass_daemon
def delete(daemon: DaemonClient, *, session_ids: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Delete sessions, or single messages.

    '#MESSAGE' is a message ID as `segue show` prints it; quote it for the shell.
    ID names a session as in `segue show`. If one of the IDs is unknown, nothing is deleted. Exit status 1 if
    you decline.
    """
    if not yes:
        require_tty()
    messages = [given for given in session_ids if given.startswith("#")]
    if messages and len(messages) < len(session_ids):
        raise click.UsageError("sessions and messages cannot be deleted together")
    if messages:
        return _delete_messages(daemon, messages, yes=yes, as_json=as_json)
    sessions = [find_session(daemon, given) for given in dict.fromkeys(session_ids)]
    if not yes and not _confirm(sessions):
        return warn("nothing was deleted", 1)
    return max(_delete(daemon, session, as_json=as_json) for session in sessions)


def _delete_messages(daemon: DaemonClient, given: list[str], *, yes: bool, as_json: bool) -> int:
    ids = [MessageId().convert(one, None, None) for one in dict.fromkeys(given)]
    messages = [daemon.call("message.get", Message, message_id=id) for id in ids]
    if not yes:
        for message in messages:
            text = " ".join(message.content.split())
            sys.stderr.write(escape_line(f"#{message.id} {message.role} {text[:60]}") + "\n")
        if not confirmed("Delete permanently?"):
            return warn("nothing was deleted", 1)
    for message in messages:
        change = changes.delete_message(message)
        response = daemon.exchange_raw(change.method, change.params)
        if as_json:
            echo_json(response.raw())
        else:
            response.raw()
            echo(f"deleted message {message.id} of {message.session_id}")
    return 0


def _delete(daemon: DaemonClient, session: Session, *, as_json: bool) -> int:
    change = changes.delete_session(session.id)
    response = daemon.exchange_raw(change.method, change.params)
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
