"""`delete`: sessions gone for good, after a question."""

import sys

import click

from segue.cli.confirm import confirmed, require_person
from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import one_line, put, put_json, tell
from segue.cli.session_lookup import find
from segue.models import Session
from segue.results import Deleted


@click.command()
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_daemon
def delete(daemon: Daemon, *, session_ids: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Delete sessions with all their messages and summaries; nothing is deleted if one of them is unknown."""
    if not yes:
        require_person()
    sessions = [find(daemon, given) for given in dict.fromkeys(session_ids)]
    if not yes and not _confirm(sessions):
        return tell("nothing was deleted", 1)
    return max(_delete(daemon, session, as_json=as_json) for session in sessions)


def _delete(daemon: Daemon, session: Session, *, as_json: bool) -> int:
    answer = daemon.answer("session.delete", session_id=session.id)
    deleted = answer.decode(Deleted).deleted
    if as_json:
        put_json(answer.raw())
    elif deleted:
        put(f"deleted {session.id}")
    return 0 if deleted else tell(f"{session.id} was deleted by somebody else", 1)


def _confirm(sessions: list[Session]) -> bool:
    """Whether the person says yes to all of them."""
    for session in sessions:
        pinned = ", pinned" if session.pinned else ""
        sys.stderr.write(
            one_line(f"{session.id} {session.name or ''} ({session.message_count} messages{pinned})") + "\n"
        )
    return confirmed("Delete for good?")
