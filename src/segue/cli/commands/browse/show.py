"""The `show` command."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo_json
from segue.cli.output.transcript import print_message, print_session
from segue.cli.session_lookup import find_or_current
from segue.results import MessagePage


@command(examples=["segue show", "segue show 2026-11-21-0531-754", "segue show --json | jq .messages"])
@click.argument("session_id", metavar="[ID]", required=False)
@json_option
@pass_daemon
def show(daemon: DaemonClient, *, session_id: str | None, as_json: bool) -> None:
    """Print a session with all its messages.

    ID is a session ID or a unique prefix of one; default: the current session. --json prints only the messages, one
    line for every 1000.
    """
    session = find_or_current(daemon, session_id)
    if not as_json:
        print_session(session)
    for response, page in daemon.pages("message.list", MessagePage, session_id=session.id):
        if as_json:
            echo_json(response.raw())
        else:
            for message in page.messages:
                print_message(message)
