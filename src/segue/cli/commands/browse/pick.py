"""The `pick` command: find a message with fzf, for the key that `SEGUE_SEARCH_KEY` binds in a shell."""

import shlex
from collections.abc import Iterator

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.integration.own_command import own_command
from segue.cli.output.terminal import Failure, age, echo, escape_line, warn
from segue.cli.picker import has_fzf, has_terminal, pick_with_fzf
from segue.cli.session_lookup import find_session
from segue.results import MessagePage, SessionPage
from segue.workflows.sessions import NULL

NEWEST = 5000
"""Messages: how many of the newest can be picked."""

TEXT_CHARS = 500
"""Characters: the part of a message that fzf searches."""


@command(examples=["segue pick", "segue pick nginx 502"])
@click.argument("words", metavar="[TEXT...]", nargs=-1)
@pass_daemon
def pick(daemon: DaemonClient, *, words: tuple[str, ...]) -> int:
    """Pick a message, and print the command for its session.

    The newest 5000 messages are searched with fzf as you type, beginning with TEXT. The preview shows the message and
    its neighbors. The printed command continues the session. SEGUE_SEARCH_KEY binds a key to `segue pick`: see
    `segue help shell`. Exit status 1 if you pick none.
    """
    if not has_terminal():
        raise click.UsageError("cannot pick without a terminal; use: segue search QUERY")
    if not has_fzf():
        raise Failure("fzf is not installed; install it, or use: segue search QUERY")
    rows = [*_rows(daemon)]
    if not rows:
        raise Failure("no messages yet; store one with: segue add TEXT")
    preview = shlex.join([*own_command(), "show", "--color", "always", "--around"]) + " {1} -- {2}"
    found = pick_with_fzf(rows, prompt="search> ", preview=preview, query=" ".join(words), first_shown=3)
    if found is None:
        return warn("nothing picked", 1)
    session = find_session(daemon, found[1])
    # The reader of the tool may have no command to continue, so `segue open` decides.
    echo(shlex.join(["segue", "resume" if session.source is None else "open", session.id]))
    return 0


def _rows(daemon: DaemonClient) -> Iterator[tuple[str, str, str]]:
    """Yield message ID, session ID and the shown text of the newest messages, newest first."""
    pages = daemon.pages("session.list", SessionPage, preview_chars=0, archived=NULL)
    names = {session.id: session.name or "" for _, page in pages for session in page.sessions}
    params = {"order": "desc", "text_chars": TEXT_CHARS}
    for _, page in daemon.pages("message.list", MessagePage, NEWEST, **params):
        for message in page.messages:
            text = " ".join(message.content.split())
            if text:
                shown = f"{age(message.created_at):>4}  {message.role}: {text}  ({names.get(message.session_id, '')})"
                yield str(message.id), message.session_id, escape_line(shown)
