"""The `undo` and `edit` commands: take back the last turn, and change a message."""

import sys

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.editor import edit_text
from segue.cli.groups import MessageId, command
from segue.cli.input import confirmed, read_stdin, require_tty
from segue.cli.output.terminal import Failure, echo, echo_json, warn
from segue.cli.output.transcript import message_lines
from segue.cli.session_lookup import find_last_turn, find_or_current
from segue.models import Message
from segue.workflows import changes


@command(examples=["segue undo", "segue undo --yes 0531-754"])
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@pass_daemon
def undo(daemon: DaemonClient, *, session_id: str | None, yes: bool, as_json: bool) -> int:
    """Remove the last question of this terminal and its replies.

    The messages are shown first. Questions that another terminal asked with `segue ask`, and their replies, stay. A
    terminal that asked nothing takes back the last question. ID names a session as in `segue show`; default: the
    current session. Exit status 1 if you decline, or if another client appended a message meanwhile.
    """
    if not yes:
        require_tty("removed")
    session = find_or_current(daemon, session_id)
    turn = find_last_turn(daemon, session.id, "take back")
    count = len(turn.messages)
    if not as_json:
        for message in turn.messages:
            for line in message_lines(message):
                echo(line)
        sys.stdout.flush()
    if not yes and not confirmed(f"Remove {_count(count)} permanently?"):
        return warn("nothing was removed", 1)
    change = changes.undo(session.id, turn)
    response = daemon.exchange_raw(change.method, change.params)
    if as_json:
        echo_json(response.raw())
    else:
        response.decode(object)
        echo(f"removed {_count(count)} from {session.id}")
    return 0


@command(examples=["segue edit 12", "segue edit '#12' 'The corrected text'", "segue edit 12 - < corrected.txt"])
@click.argument("message_id", metavar="MESSAGE", type=MessageId())
@click.argument("text", metavar="[TEXT | -]", required=False)
@json_option
@pass_daemon
def edit(daemon: DaemonClient, *, message_id: int, text: str | None, as_json: bool) -> int:
    """Change the text of a message.

    MESSAGE is a message ID as `segue show` prints it. TEXT is the new text, or - to read it from standard input.
    Without TEXT, the message opens in VISUAL or EDITOR. The old text is deleted. Exit status 1 if the text is empty or
    unchanged.
    """
    message = daemon.call("message.get", Message, message_id=message_id)
    if text is None:
        text = edit_text(message.content)
    elif text == "-":
        text = read_stdin(daemon.paths.config.limits.content_bytes)
    if not text.strip():
        raise Failure("the text is empty; nothing was changed")
    if text == message.content:
        return warn("the text is the same; nothing was changed", 1)
    change = changes.edit(message_id, text)
    response = daemon.exchange_raw(change.method, change.params)
    if as_json:
        echo_json(response.raw())
    else:
        echo(f"changed message {response.decode(Message).id} in {message.session_id}")
    return 0


def _count(number: int) -> str:
    return f"{number} message{'' if number == 1 else 's'}"
