"""`show`: a whole conversation."""

from collections.abc import Iterator

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import echo_json
from segue.cli.output.transcript import put_message, put_session
from segue.cli.session_lookup import find_or_current
from segue.client.protocol import Answer
from segue.results import MessagePage

PAGE = 1000
"""Messages asked for at once; the daemon ends a page of long ones earlier."""


@click.command()
@click.argument("session_id", metavar="[ID]", required=False)
@json_option
@pass_daemon
def show(daemon: Daemon, *, session_id: str | None, as_json: bool) -> None:
    """Print a session, by default the current one, with all its messages.

    With --json the messages only, a line for each thousand.
    """
    session = find_or_current(daemon, session_id)
    if not as_json:
        put_session(session)
    for answer, page in _pages(daemon, session.id):
        if as_json:
            echo_json(answer.raw())
        else:
            for message in page.messages:
                put_message(message)


def _pages(daemon: Daemon, session_id: str) -> Iterator[tuple[Answer, MessagePage]]:
    after_id: int | None = None
    more = True
    while more:
        answer = daemon.answer("message.list", session_id=session_id, after_id=after_id, limit=PAGE)
        page = answer.decode(MessagePage)
        yield answer, page
        more = page.has_more and bool(page.messages)
        after_id = page.messages[-1].id if page.messages else None
