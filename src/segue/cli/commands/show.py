"""The `show` command."""

from collections.abc import Iterator

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo_json
from segue.cli.output.transcript import print_message, print_session
from segue.cli.session_lookup import find_or_current
from segue.client.protocol import Answer
from segue.results import MessagePage

PAGE = 1000
"""Messages: the size of one request. The daemon returns fewer if they are long."""


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
    for response, page in _pages(daemon, session.id):
        if as_json:
            echo_json(response.raw())
        else:
            for message in page.messages:
                print_message(message)


def _pages(daemon: DaemonClient, session_id: str) -> Iterator[tuple[Answer, MessagePage]]:
    after_id: int | None = None
    more = True
    while more:
        response = daemon.exchange("message.list", session_id=session_id, after_id=after_id, limit=PAGE)
        page = response.decode(MessagePage)
        yield response, page
        more = page.has_more and bool(page.messages)
        after_id = page.messages[-1].id if page.messages else None
