"""The `bot` commands: list, create and delete bots."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import Group, command
from segue.cli.input import confirmed, require_tty
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, warn
from segue.models import Bot
from segue.results import BotDeleted, BotList


@click.group(cls=Group, examples=["segue bot list", "segue bot new reviewer --name 'Code reviewer'"])
def bot() -> None:
    """List, create and delete bots.

    A bot owns sessions and memories. The bot `default` always exists.
    """


@command("list", examples=["segue bot list", "segue bot list --json"])
@json_option
@pass_daemon
def list_bots(daemon: DaemonClient, *, as_json: bool) -> None:
    """List all bots, oldest first.

    Columns: ID, name, description.
    """
    response = daemon.exchange("bot.list")
    if as_json:
        return echo_json(response.raw())
    for one in response.decode(BotList).bots:
        echo_tsv([one.id, one.name, one.description or ""])
    return None


@command("new", examples=["segue bot new reviewer --name 'Code reviewer' --description 'Reviews diffs'"])
@click.argument("bot_id", metavar="ID")
@click.option("--name", metavar="TEXT", help="Display name; default: the ID.")
@click.option("--description", metavar="TEXT", help="Purpose of the bot.")
@json_option
@pass_daemon
def new_bot(daemon: DaemonClient, *, bot_id: str, name: str | None, description: str | None, as_json: bool) -> None:
    """Create a bot and print its ID."""
    response = daemon.exchange("bot.create", bot_id=bot_id, name=name, description=description)
    echo_json(response.raw()) if as_json else echo(response.decode(Bot).id)


@command("delete", examples=["segue bot delete reviewer", "segue bot delete --yes reviewer"])
@click.argument("bot_id", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@pass_daemon
def delete_bot(daemon: DaemonClient, *, bot_id: str, yes: bool, as_json: bool) -> int:
    """Delete a bot with all its sessions and memories.

    Exit status 1 if there is no such bot or you decline.
    """
    if not yes and not _confirm(daemon.call("bot.get", Bot, bot_id=bot_id)):
        return warn("nothing was deleted", 1)
    response = daemon.exchange("bot.delete", bot_id=bot_id)
    result = response.decode(BotDeleted)
    if as_json:
        echo_json(response.raw())
    elif result.deleted:
        echo(f"deleted {bot_id} with {result.sessions_deleted} sessions and {result.memories_deleted} memories")
    return 0 if result.deleted else warn(f"no bot {bot_id!r}", 1)


bot.add_command(list_bots)
bot.add_command(new_bot)
bot.add_command(delete_bot)


def _confirm(found: Bot) -> bool:
    """Return True if the user confirms the deletion."""
    require_tty()
    return confirmed(escape_line(f"{found.id} {found.name}") + "\nDelete this bot with all its sessions and memories?")
