"""The `tail` command: print messages as they are appended, across restarts of the daemon."""

import shutil
import sys
import time
from collections.abc import Iterator

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.cells import cut
from segue.cli.output.growing_message import GrowingMessage
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, stdout_is_tty, styled, warn, when
from segue.cli.output.transcript import COLORS, content
from segue.cli.session_lookup import find_session, place_filter
from segue.client import ClientError
from segue.client.retry import FOLLOW_PAUSE
from segue.errors import NotFound
from segue.models import Message, Session
from segue.results import MessagePage
from segue.workflows.transcript import tool_lines

NARROW = 60
"""Columns: a terminal with fewer gets one line per message."""

SEARCHED = 2000
"""Messages: how many of the newest `-n` searches for those that match."""

Followed = tuple[Message, Session | None]


@command(examples=["segue tail", "segue tail -n 10 --here", "segue tail --json | jq -r .content"])
@click.option("-n", "count", type=click.IntRange(min=0), default=0, metavar="N", help="Number of older messages.")
@click.option("--here", "here_only", is_flag=True, help="Only sessions of this directory or repository.")
@click.option("--session", metavar="ID", help="Only this session.")
@click.option("--bot", metavar="ID", help="Only sessions of this bot.")
@json_option
@pass_daemon
def tail(
    daemon: DaemonClient, *, count: int, here_only: bool, session: str | None, bot: str | None, as_json: bool
) -> None:
    """Print new messages as they are appended, until Ctrl-C.

    A terminal shows whole messages, or their first line if it has fewer than 60 columns. A reply that is being
    streamed grows on the terminal. A pipe gets tab-separated values when a message is complete: time, session ID,
    session name, role and first line. --json prints each message whole.

    If the daemon stops, tail reconnects and prints the messages it missed, without duplicates.
    """
    outage = _Outage()
    _wait_for_daemon(daemon, outage)
    session_id = None if session is None else find_session(daemon, session).id
    wanted = {"bot_id": bot, **(place_filter(daemon) if here_only else {})}
    older, last_id = _older(daemon, count, session_id, wanted) if count else ([], None)
    for message, its_session in older:
        _show(message, its_session, as_json=as_json)
    live = stdout_is_tty() and not as_json and shutil.get_terminal_size().columns >= NARROW
    growing = GrowingMessage()
    for message, its_session in daemon.client.follow_messages(
        session_id=session_id, **wanted, after_id=last_id, live=live, on_lost=outage.begin
    ):
        outage.end()
        if live and growing.takes(message):
            growing.show(message, _head(message, its_session))
        elif message.state != "streaming":
            growing.leave(message)
            _show(message, its_session, as_json=as_json)


def _older(
    daemon: DaemonClient, count: int, session_id: str | None, wanted: dict[str, str | None]
) -> tuple[list[Followed], int]:
    """Return the newest messages that match, oldest first, and the ID after which to follow."""
    found: list[Followed] = []
    sessions: dict[str, Session | None] = {}
    last_id = 0
    for _, page in daemon.pages("message.list", MessagePage, SEARCHED, session_id=session_id, order="desc"):
        for message in page.messages:
            last_id = max(last_id, message.id)
            session = _session(daemon, sessions, message.session_id)
            matches = session is not None and all(
                value in (None, getattr(session, name)) for name, value in wanted.items()
            )
            if matches and len(found) < count:
                found.append((message, session))
        if len(found) == count:
            break
    return found[::-1], last_id


def _session(daemon: DaemonClient, known: dict[str, Session | None], session_id: str) -> Session | None:
    if session_id not in known:
        try:
            known[session_id] = daemon.call("session.get", Session, session_id=session_id)
        except NotFound:
            known[session_id] = None
    return known[session_id]


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


def _show(message: Message, session: Session | None, *, as_json: bool) -> None:
    name = (session.name if session else None) or ""
    if as_json:
        echo_json(msgspec.json.encode(message))
    elif stdout_is_tty():
        for line in _lines(message, _head(message, session)):
            echo(line)
    else:
        echo_tsv([message.created_at, message.session_id, name, message.role, _text(message)[0]])
    sys.stdout.flush()  # Because a user is watching


def _head(message: Message, session: Session | None) -> str:
    name = (session.name if session else None) or message.session_id
    mark = "  [interrupted]" if message.state == "interrupted" else ""
    return escape_line(f"{when(message.created_at)}  {name}  {message.role}{mark}")


def _lines(message: Message, head: str) -> Iterator[str]:
    columns = shutil.get_terminal_size().columns
    if columns >= NARROW:
        yield styled(head, fg=COLORS[message.role], bold=True)
        if message.content:
            yield content(message)
        yield from (styled(escape_line(line), dim=True) for line in tool_lines(message))
        yield ""
        return
    first, *rest = _text(message)
    yield styled(cut(head, columns), fg=COLORS[message.role], bold=True)
    yield cut(escape_line(first), columns)
    if rest:
        yield styled(f"… {len(rest)} more line{'s' if len(rest) > 1 else ''}", dim=True)


def _text(message: Message) -> list[str]:
    """Return the lines of a message; of one without text, its tool calls and the types of its parts."""
    types = f"[{', '.join(str(part.get('type', 'part')) for part in message.parts or ())}]"
    return message.content.strip().splitlines() or tool_lines(message) or [types]
