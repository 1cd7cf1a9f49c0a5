"""The `tail` command: print messages as they are appended, across restarts of the daemon."""

import shutil
import sys
import time

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, stdout_is_tty, styled, warn, when
from segue.cli.output.transcript import COLORS, part_types
from segue.cli.session_lookup import current_directory, find_session
from segue.client import ClientError
from segue.client.retry import FOLLOW_PAUSE
from segue.models import Message


@command(examples=["segue tail", "segue tail --here", "segue tail --json | jq -r .content"])
@click.option("--here", "here_only", is_flag=True, help="Only sessions of the current directory.")
@click.option("--session", metavar="ID", help="Only this session.")
@json_option
@pass_daemon
def tail(daemon: DaemonClient, *, here_only: bool, session: str | None, as_json: bool) -> None:
    """Print new messages as they are appended, until Ctrl-C.

    Each message is one line; --json prints it whole. If the daemon stops, tail reconnects and prints the messages it
    missed, without duplicates.
    """
    outage = _Outage()
    _wait_for_daemon(daemon, outage)
    session_id = None if session is None else find_session(daemon, session).id
    followed = daemon.client.follow_messages(
        session_id=session_id, working_dir=current_directory() if here_only else None, on_lost=outage.begin
    )
    for message, its_session in followed:
        outage.end()
        if as_json:
            echo_json(msgspec.json.encode(message))
        else:
            _print(message, (its_session.name if its_session else None) or "")
        sys.stdout.flush()  # Because a user is watching.


def _wait_for_daemon(daemon: DaemonClient, outage: "_Outage") -> None:
    """Connect; start a daemon only at the first attempt, because one that was stopped should stay stopped."""
    while True:
        try:
            daemon.client.exchange("daemon.ping")
        except ClientError as fault:
            outage.begin(fault)
            daemon.autostart = False
            time.sleep(FOLLOW_PAUSE)
        else:
            return


class _Outage:
    """The state of the warning, so that each outage is reported once."""

    def __init__(self) -> None:
        self._reported = False

    def begin(self, _: Exception) -> None:
        if not self._reported:
            warn("the daemon is not available; waiting for it")
        self._reported = True

    def end(self) -> None:
        self._reported = False


def _print(message: Message, name: str) -> None:
    first_line = message.content.strip().partition("\n")[0] or part_types(message)
    if not stdout_is_tty():
        echo_tsv([message.created_at, message.session_id, name, message.role, first_line])
        return
    head = escape_line(f"{when(message.created_at)}  {name or message.session_id}  {message.role}")
    text = escape_line(first_line)
    width = max(20, shutil.get_terminal_size().columns - len(head) - 2)
    echo(f"{styled(head, fg=COLORS[message.role])}  {text if len(text) <= width else text[: width - 1] + '…'}")
