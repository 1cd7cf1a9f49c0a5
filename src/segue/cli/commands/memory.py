"""`memory`: what a bot should know in every later conversation."""

from typing import get_args

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.groups import Group
from segue.cli.input import read_stdin
from segue.cli.output.terminal import echo, echo_json, echo_tsv, warn
from segue.cli.session_lookup import find_session
from segue.models import Category, Memory
from segue.results import Deleted, MemoryPage

PAGE = 1000
CATEGORIES = get_args(Category)


@click.group(cls=Group)
def memory() -> None:
    """List, add and delete memories."""


@memory.command("list")
@click.option("--bot", metavar="ID", help="Of this bot, by default of the bot `default`.")
@click.option("--session", "session_id", metavar="ID", help="Those that came from this session.")
@click.option("--category", type=click.Choice(CATEGORIES), help="Only of this category.")
@click.option("--superseded", is_flag=True, help="Also those that a newer one supersedes.")
@json_option
@pass_daemon
def list_memories(
    daemon: Daemon, *, bot: str | None, session_id: str | None, category: str | None, superseded: bool, as_json: bool
) -> None:
    """Print memories, the most important first: id, category, importance, fact, and by which one it is superseded.

    With --json a line for each thousand.
    """
    offset, total = 0, 1
    while offset < total:
        answer = daemon.answer(
            "memory.list",
            bot_id=bot,
            session_id=session_id,
            category=category,
            include_superseded=superseded,
            limit=PAGE,
            offset=offset,
        )
        page = answer.decode(MemoryPage)
        echo_json(answer.raw()) if as_json else _put_memories(page.memories)
        offset, total = offset + max(len(page.memories), 1), page.total


@memory.command("add")
@click.argument("fact")
@click.option("--category", type=click.Choice(CATEGORIES), default="fact", show_default=True)
@click.option("--importance", type=click.IntRange(1, 5), default=3, show_default=True)
@click.option("--bot", metavar="ID", help="For this bot, by default for the bot `default`.")
@click.option("--session", "session_id", metavar="ID", help="The session that it came from.")
@click.option("--message", type=click.IntRange(min=0), metavar="ID", help="The message that it came from.")
@click.option("--supersedes", type=click.IntRange(min=0), metavar="ID", help="The memory that it replaces.")
@json_option
@pass_daemon
def add_memory(
    daemon: Daemon,
    *,
    fact: str,
    category: str,
    importance: int,
    bot: str | None,
    session_id: str | None,
    message: int | None,
    supersedes: int | None,
    as_json: bool,
) -> None:
    """Keep a fact, marked as added by hand, and print its id.

    FACT is the text, or - to read it from standard input.
    """
    fact = read_stdin(daemon.paths.config.limits.content_bytes) if fact == "-" else fact
    answer = daemon.answer(
        "memory.save",
        fact=fact,
        category=category,
        importance=importance,
        bot_id=bot,
        session_id=None if session_id is None else find_session(daemon, session_id).id,
        source_message_id=message,
        supersedes=supersedes,
        is_manual=True,
    )
    echo_json(answer.raw()) if as_json else echo(str(answer.decode(Memory).id))


@memory.command("delete")
@click.argument("memory_id", metavar="ID", type=click.IntRange(min=0))
@json_option
@pass_daemon
def delete_memory(daemon: Daemon, *, memory_id: int, as_json: bool) -> int:
    """Forget a memory; one that it superseded is current again."""
    answer = daemon.answer("memory.delete", memory_id=memory_id)
    deleted = answer.decode(Deleted).deleted
    if as_json:
        echo_json(answer.raw())
    elif deleted:
        echo(f"deleted {memory_id}")
    return 0 if deleted else warn(f"no memory {memory_id}", 1)


def _put_memories(memories: list[Memory]) -> None:
    for one in memories:
        row = [str(one.id), one.category, str(one.importance), one.fact]
        echo_tsv(row if one.superseded_by is None else [*row, f"superseded by {one.superseded_by}"])
