"""`fork`: another way to go on from some message."""

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import put, put_json
from segue.cli.session_lookup import find_or_current
from segue.models import Session


@click.command()
@click.argument("session_id", metavar="[ID]", required=False)
@click.option(
    "--upto", type=click.IntRange(min=0), metavar="MESSAGE", help="The last message to copy; without it, all."
)
@click.option("--name", metavar="TEXT", help="Its name; otherwise that of the original.")
@json_option
@pass_daemon
def fork(daemon: Daemon, *, session_id: str | None, upto: int | None, name: str | None, as_json: bool) -> None:
    """Make a new session with copies of another one's messages, by default the current one's, and print its id.

    Its directory continues the new one from now on; the original stays as it is.
    """
    session = find_or_current(daemon, session_id)
    answer = daemon.answer("session.fork", session_id=session.id, upto_message_id=upto, name=name)
    put_json(answer.raw()) if as_json else put(answer.decode(Session).id)
