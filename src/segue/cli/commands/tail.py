"""The `tail` command: print messages as they are appended, across restarts of the daemon."""

import shutil
import sys
import time
from collections.abc import Iterator

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, stdout_is_tty, styled, warn, when
from segue.cli.output.transcript import COLORS, part_types
from segue.cli.session_lookup import current_directory, find_session
from segue.client import ClientError
from segue.errors import NotFound, Overloaded, ShuttingDown
from segue.models import Message, Session
from segue.results import MessagePage, Subscribed

RETRY_SECONDS = 0.3
"""Seconds: pause between two attempts to reconnect. A restart of the daemon takes about as long."""


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
    follower = MessageFollower(daemon, current_directory() if here_only else None, session, as_json=as_json)
    while True:
        try:
            for message in follower.messages():
                follower.show(message)
        except (ClientError, ShuttingDown, Overloaded):
            if follower.connected:
                warn("the daemon is not available; waiting for it")
            follower.connected = False
        _reconnect(daemon)


def _reconnect(daemon: DaemonClient) -> None:
    while True:
        time.sleep(RETRY_SECONDS)
        try:
            return daemon.reconnect()
        except ClientError:
            continue


class MessageFollower:
    """The filter of `tail` and the ID of the last message printed.

    One ID suffices, because message IDs grow in the order of the commits.
    """

    def __init__(self, daemon: DaemonClient, working_dir: str | None, given: str | None, *, as_json: bool) -> None:
        self.connected = True
        """False after the user was warned that the daemon is not available."""
        self._daemon = daemon
        self._working_dir = working_dir
        self._given = given
        self._as_json = as_json
        self._session_id: str | None = None
        self._last_id: int | None = None
        self._sessions: dict[str, Session | None] = {}

    def messages(self) -> Iterator[Message]:
        """Yield the messages after the last one printed, then each new one.

        Raises:
            ClientError: The daemon left.
        """
        if self._given is not None and self._session_id is None:
            self._session_id = find_session(self._daemon, self._given).id
        newest = self._newest_id()
        # The newest ID is lower than the last one printed if that message was deleted or the database was replaced.
        self._last_id = newest if self._last_id is None else min(self._last_id, newest)
        self._sessions.clear()
        subscription_id = self._subscribe()
        self.connected = True
        # A message may arrive twice, from the list and as an event. Its ID tells.
        yield from self._missed()
        for event in self._daemon.client.events(subscription_id):
            if isinstance(event.data, Session):
                self._sessions[event.data.id] = event.data
            elif isinstance(event.data, Message):
                yield from self._unseen(event.data)
            elif event.kind == "reset":
                yield from self._missed()

    def show(self, message: Message) -> None:
        """Print one message and flush, because a user is watching."""
        if self._as_json:
            echo_json(msgspec.json.encode(message))
        else:
            session = self._session(message.session_id)
            _print(message, (session.name if session else None) or "")
        sys.stdout.flush()

    def _newest_id(self) -> int:
        page = self._daemon.call("message.list", MessagePage, order="desc", limit=1)
        return page.messages[0].id if page.messages else 0

    def _subscribe(self) -> str:
        return self._daemon.call(
            "events.subscribe",
            Subscribed,
            session_id=self._session_id,
            working_dir=self._working_dir,
            kinds=["message.appended", "session.updated"],
        ).subscription_id

    def _missed(self) -> Iterator[Message]:
        more = True
        while more:
            page = self._daemon.call("message.list", MessagePage, session_id=self._session_id, after_id=self._last_id)
            for message in page.messages:
                if self._is_wanted(message):
                    yield from self._unseen(message)
                self._last_id = max(self._last_id or 0, message.id)
            more = page.has_more

    def _unseen(self, message: Message) -> Iterator[Message]:
        if message.id > (self._last_id or 0):
            self._last_id = message.id
            yield message

    def _is_wanted(self, message: Message) -> bool:
        """Return True if the message is of the wanted directory and no copy made by a fork."""
        session = self._session(message.session_id)
        if session is None:
            return self._working_dir is None
        # The copies of a fork are older than their session.
        copied = "forked_from" in session.metadata and message.created_at < session.created_at
        return not copied and self._working_dir in (None, session.working_dir)

    def _session(self, session_id: str) -> Session | None:
        """Return the last known state of the session, or None if it is deleted."""
        if session_id not in self._sessions:
            try:
                self._sessions[session_id] = self._daemon.call("session.get", Session, session_id=session_id)
            except NotFound:
                self._sessions[session_id] = None
        return self._sessions[session_id]


def _print(message: Message, name: str) -> None:
    first_line = message.content.strip().partition("\n")[0] or part_types(message)
    if not stdout_is_tty():
        echo_tsv([message.created_at, message.session_id, name, message.role, first_line])
        return
    head = escape_line(f"{when(message.created_at)}  {name or message.session_id}  {message.role}")
    text = escape_line(first_line)
    width = max(20, shutil.get_terminal_size().columns - len(head) - 2)
    echo(f"{styled(head, fg=COLORS[message.role])}  {text if len(text) <= width else text[: width - 1] + '…'}")
