"""The `list` and `current` commands."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.session_table import print_sessions
from segue.cli.output.terminal import Failure, echo, echo_json, stdout_is_tty, styled, warn
from segue.cli.session_lookup import current_directory, nothing_to_continue, resolve
from segue.errors import NotFound
from segue.results import Resolution, SessionPage


@command(examples=["segue list", "segue list --here --status active", "segue list --all --json"])
@click.option("--here", "only_here", is_flag=True, help="Only sessions of the current directory.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, metavar="N", help="Maximum number of sessions.")
@click.option("--all", "everything", is_flag=True, help="All sessions, without a limit.")
@click.option("--status", type=click.Choice(["active", "completed", "crashed"]), help="Only sessions of this status.")
@click.option("--bot", metavar="ID", help="Only sessions of this bot.")
@click.option("--name", metavar="TEXT", help="Only sessions whose name contains TEXT.")
@json_option
@pass_daemon
def list(
    daemon: DaemonClient,
    *,
    only_here: bool,
    limit: int,
    everything: bool,
    status: str | None,
    bot: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """List sessions, newest first.

    An asterisk marks the session that the current directory continues. A pipe gets tab-separated values: ID, name,
    provider/model, directory, messages, created, last message and the asterisk. --json prints one line for every
    1000 sessions.
    """
    filters = {
        "working_dir": current_directory() if only_here else None,
        "status": status,
        "bot_id": bot,
        "name_contains": name,
    }
    current_id = None if as_json else _current_id(daemon, bot)
    for response, page in daemon.pages("session.list", SessionPage, None if everything else limit, **filters):
        if as_json:
            echo_json(response.raw())
        else:
            print_sessions(page.sessions, current_id)
    if stdout_is_tty() and not as_json and not everything and page.total > limit:
        echo(styled(f"{limit} of {page.total}; --limit N or --all shows more", dim=True))


@command(examples=["segue current", "segue current --bot reviewer --json"])
@click.option("--bot", metavar="ID", help="Bot ID; default: the bot `default`.")
@json_option
@pass_daemon
def current(daemon: DaemonClient, *, bot: str | None, as_json: bool) -> int:
    """Show the session that the current directory continues.

    Exit status 1 if there is none.
    """
    response = daemon.exchange("session.resolve", working_dir=current_directory(), bot_id=bot, create=False)
    resolution = response.decode(Resolution)
    if as_json:
        echo_json(response.raw())
    elif resolution.session is not None:
        print_sessions([resolution.session], resolution.session.id)
    return 0 if resolution.session is not None else warn(nothing_to_continue(resolution), 1)


def _current_id(daemon: DaemonClient, bot: str | None) -> str | None:
    """Return the ID of the current session, or None if there is none.

    It only sets a mark. A deleted directory or an unknown bot must not prevent the list.
    """
    try:
        session = resolve(daemon, current_directory(), bot).session
    except (Failure, NotFound):
        return None
    return None if session is None else session.id
