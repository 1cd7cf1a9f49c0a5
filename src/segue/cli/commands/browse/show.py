"""The `show` command."""

from collections.abc import Iterator

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import MessageId, command
from segue.cli.output.pager import page as show_in_pager
from segue.cli.output.terminal import Failure, echo_json, echo_stored, set_color
from segue.cli.output.transcript import message_lines, session_lines
from segue.cli.session_lookup import find_or_current
from segue.models import Message, Session
from segue.results import MessagePage
from segue.workflows.transcript import code_blocks, newest_reply
from segue.workflows.turns import last_turn

NEIGHBORS = 7
"""Messages: how many `--around` shows."""

NEWEST = 200
"""Messages: how many of the newest are searched for the newest reply."""


@command(
    examples=["segue show", "segue show 0531-754", "segue show @2 -n 4", "segue show -x > script.py", "segue show -r"]
)
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("-n", "count", type=click.IntRange(min=1), metavar="N", help="Only the N newest messages.")
@click.option("--last", "only_last", is_flag=True, help="Only the last question and what follows it.")
@click.option("--around", type=MessageId(), metavar="MESSAGE", help="Only this message and its neighbors.")
@click.option("-r", "only_reply", is_flag=True, help="Only the text of the newest reply, unrendered.")
@click.option(
    "-x",
    "block",
    is_flag=False,
    flag_value=1,
    type=click.IntRange(min=1),
    metavar="[N]",
    help="Only the Nth code block of the newest reply; default: the first.",
)
@click.option(
    "--color", type=click.Choice(["always", "never", "auto"]), default="auto", help="When to use colors and Markdown."
)
@json_option
@pass_daemon
def show(
    daemon: DaemonClient,
    *,
    session_id: str | None,
    count: int | None,
    only_last: bool,
    around: int | None,
    only_reply: bool,
    block: int | None,
    color: str,
    as_json: bool,
) -> None:
    """Print a session with its messages.

    ID is an ID or a part of one, @1 for the first row of `segue list`, - for the most recent other session, or words
    of a name; default: the current session.

    A terminal shows the text in PAGER, with replies rendered as Markdown. A pipe gets every content unchanged. Marks
    show interrupted and failed replies; tool calls are shown with their arguments and the start of the result. --json
    prints only the messages, one line for every 1000.
    """
    set_color(color)
    session = find_or_current(daemon, session_id)
    if as_json:
        return _print_json(daemon, session, count)
    if only_reply or block is not None:
        reply = newest_reply(_newest(daemon, session, NEWEST))
        if reply is None:
            raise Failure(f"session {session.id} has no reply")
        text = reply.content if block is None else _block(reply, block)
        return echo_stored(text)
    return show_in_pager(line + "\n" for line in _lines(daemon, session, count, around, only_last=only_last))


def _print_json(daemon: DaemonClient, session: Session, count: int | None) -> None:
    order = {} if count is None else {"order": "desc"}
    for response, _ in daemon.pages("message.list", MessagePage, count, session_id=session.id, **order):
        echo_json(response.raw())


def _lines(
    daemon: DaemonClient, session: Session, count: int | None, around: int | None, *, only_last: bool
) -> Iterator[str]:
    if around is not None:
        params = {"session_id": session.id, "around_id": around, "limit": count or NEIGHBORS}
        page = daemon.call("message.list", MessagePage, **params)
        yield from (line for message in page.messages for line in message_lines(message))
        return
    if only_last:
        messages = _newest(daemon, session, NEWEST)
        turn = last_turn(messages)
        yield from (line for message in (turn.messages if turn else messages) for line in message_lines(message))
        return
    yield from session_lines(session)
    if count is not None:
        for message in _newest(daemon, session, count):
            yield from message_lines(message)
        return
    for _, page in daemon.pages("message.list", MessagePage, session_id=session.id):
        for message in page.messages:
            yield from message_lines(message)


def _newest(daemon: DaemonClient, session: Session, count: int) -> list[Message]:
    """Return the newest messages, oldest first."""
    pages = daemon.pages("message.list", MessagePage, count, session_id=session.id, order="desc")
    return [message for _, page in pages for message in page.messages][::-1]


def _block(reply: Message, number: int) -> str:
    blocks = code_blocks(reply.content)
    if len(blocks) < number:
        raise Failure(f"message {reply.id} has {len(blocks)} code blocks; block {number} does not exist")
    return blocks[number - 1]
