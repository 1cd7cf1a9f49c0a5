"""`tail`: messages as they are appended, through restarts of the daemon."""

import shutil
import sys
import time
from collections.abc import Iterator

import click
import msgspec

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, stdout_is_tty, styled, warn, when
from segue.cli.output.transcript import COLOURS, kinds_of_parts
from segue.cli.session_lookup import current_directory, find_session
from segue.client import ClientError
from segue.errors import NotFound, Overloaded, ShuttingDown
from segue.models import Message, Session
from segue.results import MessagePage, Subscribed

PAUSE_SECONDS = 0.3
"""Between attempts at a daemon that is away: a restart takes about as long."""


@click.command()
@click.option("--here", "here_only", is_flag=True, help="Only sessions of the current directory.")
@click.option("--session", metavar="ID", help="Only this session.")
@json_option
@pass_daemon
def tail(daemon: Daemon, *, here_only: bool, session: str | None, as_json: bool) -> None:
    """Print messages as they are appended, from now on, one line each, until Ctrl-C.

    A daemon that leaves is waited for: what was appended meanwhile follows when it is back, nothing twice. With
    --json each message whole.
    """
    watch = MessageFollower(daemon, current_directory() if here_only else None, session, as_json=as_json)
    while True:
        try:
            for message in watch.messages():
                watch.show(message)
        except (ClientError, ShuttingDown, Overloaded):
            if watch.following:
                warn("the daemon is away; waiting for it")
            watch.following = False
        _reconnect(daemon)


def _reconnect(daemon: Daemon) -> None:
    while True:
        time.sleep(PAUSE_SECONDS)
        try:
            return daemon.reconnect()
        except ClientError:
            continue


class MessageFollower:
    """Which messages are wanted, and the last that was seen: an id, for ids grow in the order of the commits."""

    def __init__(self, daemon: Daemon, working_dir: str | None, given: str | None, *, as_json: bool) -> None:
        self.following = True
        """Whether the daemon is there, as far as anyone was told."""
        self._daemon = daemon
        self._working_dir = working_dir
        self._given = given
        self._as_json = as_json
        self._session_id: str | None = None
        self._last_id: int | None = None
        self._sessions: dict[str, Session | None] = {}

    def messages(self) -> Iterator[Message]:
        """The messages after the last one seen, then each as it comes; ClientError when the daemon leaves."""
        if self._given is not None and self._session_id is None:
            self._session_id = find_session(self._daemon, self._given).id
        newest = self._newest_id()
        # The newest is older than the last one seen if that is deleted, or if the file is another one now.
        self._last_id = newest if self._last_id is None else min(self._last_id, newest)
        self._sessions.clear()
        subscription_id = self._subscribe()
        self.following = True
        # What comes twice, from the list and as an event, is known by its id.
        yield from self._missed()
        for event in self._daemon.client.events(subscription_id):
            if isinstance(event.data, Session):
                self._sessions[event.data.id] = event.data
            elif isinstance(event.data, Message):
                yield from self._unseen(event.data)
            elif event.kind == "reset":
                yield from self._missed()

    def show(self, message: Message) -> None:
        """One line, at once: somebody is watching."""
        if self._as_json:
            echo_json(msgspec.json.encode(message))
        else:
            session = self._session(message.session_id)
            _put(message, (session.name if session else None) or "")
        sys.stdout.flush()

    def _newest_id(self) -> int:
        page = self._daemon.ask("message.list", MessagePage, order="desc", limit=1)
        return page.messages[0].id if page.messages else 0

    def _subscribe(self) -> str:
        return self._daemon.ask(
            "events.subscribe",
            Subscribed,
            session_id=self._session_id,
            working_dir=self._working_dir,
            kinds=["message.appended", "session.updated"],
        ).subscription_id

    def _missed(self) -> Iterator[Message]:
        more = True
        while more:
            page = self._daemon.ask("message.list", MessagePage, session_id=self._session_id, after_id=self._last_id)
            for message in page.messages:
                if self._belongs(message):
                    yield from self._unseen(message)
                self._last_id = max(self._last_id or 0, message.id)
            more = page.has_more

    def _unseen(self, message: Message) -> Iterator[Message]:
        if message.id > (self._last_id or 0):
            self._last_id = message.id
            yield message

    def _belongs(self, message: Message) -> bool:
        """Whether it is of the directory wanted, and was appended: a fork's copies are older than their session."""
        session = self._session(message.session_id)
        if session is None:
            return self._working_dir is None
        copied = "forked_from" in session.metadata and message.created_at < session.created_at
        return not copied and self._working_dir in (None, session.working_dir)

    def _session(self, session_id: str) -> Session | None:
        """The session as last heard of; None if it is gone."""
        if session_id not in self._sessions:
            try:
                self._sessions[session_id] = self._daemon.ask("session.get", Session, session_id=session_id)
            except NotFound:
                self._sessions[session_id] = None
        return self._sessions[session_id]


def _put(message: Message, name: str) -> None:
    first_line = message.content.strip().partition("\n")[0] or kinds_of_parts(message)
    if not stdout_is_tty():
        echo_tsv([message.created_at, message.session_id, name, message.role, first_line])
        return
    head = escape_line(f"{when(message.created_at)}  {name or message.session_id}  {message.role}")
    text = escape_line(first_line)
    room = max(20, shutil.get_terminal_size().columns - len(head) - 2)
    echo(f"{styled(head, fg=COLOURS[message.role])}  {text if len(text) <= room else text[: room - 1] + '…'}")
