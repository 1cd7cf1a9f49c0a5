"""`bot`: personalities with conversations and memories of their own."""

import click

from segue.cli.confirm import confirmed, require_tty
from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.groups import Group
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, warn
from segue.models import Bot
from segue.results import BotDeleted, BotList


@click.group(cls=Group)
def bot() -> None:
    """List, make and delete bots."""


@bot.command("list")
@json_option
@pass_daemon
def list_bots(daemon: Daemon, *, as_json: bool) -> None:
    """Print all bots, the oldest first: id, name, description."""
    answer = daemon.answer("bot.list")
    if as_json:
        return echo_json(answer.raw())
    for one in answer.decode(BotList).bots:
        echo_tsv([one.id, one.name, one.description or ""])
    return None


@bot.command("new")
@click.argument("bot_id", metavar="ID")
@click.option("--name", metavar="TEXT", help="Its name; otherwise its id.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@json_option
@pass_daemon
def new_bot(daemon: Daemon, *, bot_id: str, name: str | None, description: str | None, as_json: bool) -> None:
    """Make a bot and print its id."""
    answer = daemon.answer("bot.create", bot_id=bot_id, name=name, description=description)
    echo_json(answer.raw()) if as_json else echo(answer.decode(Bot).id)


@bot.command("delete")
@click.argument("bot_id", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_daemon
def delete_bot(daemon: Daemon, *, bot_id: str, yes: bool, as_json: bool) -> int:
    """Delete a bot with all its sessions and memories."""
    if not yes and not _confirm(daemon.ask("bot.get", Bot, bot_id=bot_id)):
        return warn("nothing was deleted", 1)
    answer = daemon.answer("bot.delete", bot_id=bot_id)
    gone = answer.decode(BotDeleted)
    if as_json:
        echo_json(answer.raw())
    elif gone.deleted:
        echo(f"deleted {bot_id} with {gone.sessions_deleted} sessions and {gone.memories_deleted} memories")
    return 0 if gone.deleted else warn(f"no bot {bot_id!r}", 1)


def _confirm(found: Bot) -> bool:
    """Whether the person says yes."""
    require_tty()
    return confirmed(escape_line(f"{found.id} {found.name}") + "\nDelete it with all its sessions and memories?")
