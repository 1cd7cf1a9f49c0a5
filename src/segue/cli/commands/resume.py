"""`resume`: go on with a given session here."""

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import one_line, put, put_json, styled
from segue.cli.output.transcript import put_message
from segue.cli.session_lookup import find, here
from segue.models import Session
from segue.results import MessagePage

LAST = 6
"""Messages shown, so that a person knows again what it was about."""


@click.command()
@click.argument("session_id", metavar="ID")
@click.option("--in-place", is_flag=True, help="Leave it to its own directory.")
@json_option
@pass_daemon
def resume(daemon: Daemon, *, session_id: str, in_place: bool, as_json: bool) -> None:
    """Make a session the one that the current directory continues, and show its last messages.

    A session of another directory moves here; with --in-place its own directory continues it.
    """
    directory = None if in_place else here()
    before = find(daemon, session_id)
    answer = daemon.answer("session.resume", session_id=before.id, working_dir=directory)
    if as_json:
        return put_json(answer.raw())
    after = answer.decode(Session)
    put(styled(one_line(f"resumed {after.id} {after.name or ''}".rstrip()), bold=True))
    if before.working_dir != after.working_dir:
        put(one_line(f"moved from {before.working_dir or 'no directory'} to {after.working_dir}"))
    return _put_last(daemon, after.id)


def _put_last(daemon: Daemon, session_id: str) -> None:
    page = daemon.ask("message.list", MessagePage, session_id=session_id, order="desc", limit=LAST)
    for message in reversed(page.messages):
        put_message(message)
