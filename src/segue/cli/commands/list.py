"""`list` and `current`: sessions, and the one that goes on here."""

from collections.abc import Iterator
from typing import Any

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.session_table import put_sessions
from segue.cli.output.terminal import Failure, echo, echo_json, stdout_is_tty, styled, warn
from segue.cli.session_lookup import current_directory, nothing_to_continue, resolve
from segue.client.protocol import Answer
from segue.errors import NotFound
from segue.results import Resolution, SessionPage

PAGE = 1000
"""Sessions asked for at once, so that memory does not grow with the archive."""


@click.command()
@click.option("--here", "only_here", is_flag=True, help="Only of the current directory.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="As many as there are.")
@click.option("--status", type=click.Choice(["active", "completed", "crashed"]), help="Only of this status.")
@click.option("--bot", metavar="ID", help="Only of this bot.")
@click.option("--name", metavar="TEXT", help="Only with this in the name.")
@json_option
@pass_daemon
def list(
    daemon: Daemon,
    *,
    only_here: bool,
    limit: int,
    everything: bool,
    status: str | None,
    bot: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Show sessions, newest first, and mark the one that the current directory continues.

    A pipe gets tab-separated values: id, name, provider/model, directory, messages, created, last message and
    `*` for the current one. With --json each thousand sessions are one line.
    """
    filters = {
        "working_dir": current_directory() if only_here else None,
        "status": status,
        "bot_id": bot,
        "name_contains": name,
    }
    current_id = None if as_json else _current_id(daemon, bot)
    for answer, page in _pages(daemon, filters, None if everything else limit):
        if as_json:
            echo_json(answer.raw())
        else:
            put_sessions(page.sessions, current_id)
    if stdout_is_tty() and not as_json and not everything and page.total > limit:
        echo(styled(f"{limit} of {page.total}; --limit N or --all shows more", dim=True))


@click.command()
@click.option("--bot", metavar="ID", help="The session of this bot.")
@json_option
@pass_daemon
def current(daemon: Daemon, *, bot: str | None, as_json: bool) -> int:
    """Show the session that the current directory continues; exit 1 if there is none."""
    answer = daemon.answer("session.resolve", working_dir=current_directory(), bot_id=bot, create=False)
    found = answer.decode(Resolution)
    if as_json:
        echo_json(answer.raw())
    elif found.session is not None:
        put_sessions([found.session], found.session.id)
    return 0 if found.session is not None else warn(nothing_to_continue(found), 1)


def _pages(daemon: Daemon, filters: dict[str, Any], wanted: int | None) -> Iterator[tuple[Answer, SessionPage]]:
    offset = 0
    while True:
        limit = PAGE if wanted is None else min(PAGE, wanted - offset)
        answer = daemon.answer("session.list", **filters, limit=limit, offset=offset)
        page = answer.decode(SessionPage)
        yield answer, page
        offset += len(page.sessions)
        if not page.sessions or offset >= page.total or offset == wanted:
            return


def _current_id(daemon: Daemon, bot: str | None) -> str | None:
    """Only for the mark: a list is worth printing in a directory that is gone, and for a bot that is not there."""
    try:
        session = resolve(daemon, current_directory(), bot).session
    except (Failure, NotFound):
        return None
    return None if session is None else session.id
