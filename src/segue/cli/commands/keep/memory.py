"""The `memory` commands: list, add and delete memories."""

from typing import get_args

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import Group, command
from segue.cli.input import read_stdin
from segue.cli.output.terminal import echo, echo_json, echo_tsv, stdout_is_tty, warn
from segue.cli.session_lookup import find_session
from segue.models import Category, Memory
from segue.results import Deleted, MemoryPage

EMPTY = "no memories yet; save one with: segue memory add FACT"

CATEGORIES = click.Choice(get_args(Category))


@click.group(cls=Group, examples=["segue memory list", "segue memory add 'Prefers tabs' --category preference"])
def memory() -> None:
    """List, add and delete memories.

    A memory is a fact that a bot remembers in every later session.
    """


@command(
    "list", examples=["segue memory list", "segue memory list tabs", "segue memory list --category decision --json"]
)
@click.argument("words", metavar="[QUERY]", nargs=-1)
@click.option("--bot", metavar="ID", help="Bot ID; default: the bot `default`.")
@click.option("--session", "session_id", metavar="ID", help="Only memories from this session.")
@click.option("--category", type=CATEGORIES, help="Only memories of this category.")
@click.option("--superseded", is_flag=True, help="Include memories that a newer one supersedes.")
@json_option
@pass_daemon
def list_memories(
    daemon: DaemonClient,
    *,
    words: tuple[str, ...],
    bot: str | None,
    session_id: str | None,
    category: str | None,
    superseded: bool,
    as_json: bool,
) -> None:
    """List memories, most important first.

    With QUERY, list those that contain all its words, best match first.

    Columns: ID, category, importance, fact, and the ID of the memory that supersedes it. --json prints one line for
    every 1000 memories.
    """
    pages = daemon.pages(
        "memory.list",
        MemoryPage,
        bot_id=bot,
        session_id=None if session_id is None else find_session(daemon, session_id).id,
        category=category,
        include_superseded=superseded,
        query=" ".join(words) or None,
    )
    found = 0
    for response, page in pages:
        echo_json(response.raw()) if as_json else _print_memories(page.memories)
        found += len(page.memories)
    if not found and stdout_is_tty() and not as_json:
        filtered = words or session_id or category
        warn("no memory matches; `segue memory list` shows all" if filtered else EMPTY)


@command("add", examples=["segue memory add 'Deploys on Fridays' --importance 5", "segue memory add - < fact.txt"])
@click.argument("fact")
@click.option("--category", type=CATEGORIES, default="fact", help="Category.")
@click.option("--importance", type=click.IntRange(1, 5), default=3, metavar="N", help="Importance; 5 is the highest.")
@click.option("--bot", metavar="ID", help="Bot ID; default: the bot `default`.")
@click.option("--session", "session_id", metavar="ID", help="Session ID of the source.")
@click.option("--message", type=click.IntRange(min=0), metavar="ID", help="Message ID of the source.")
@click.option("--supersedes", type=click.IntRange(min=0), metavar="ID", help="Memory ID that the new one replaces.")
@json_option
@pass_daemon
def add_memory(
    daemon: DaemonClient,
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
    """Store a memory and print its ID.

    FACT is the text, or - to read it from standard input. The memory is marked as added by hand.
    """
    fact = read_stdin(daemon.paths.config.limits.content_bytes) if fact == "-" else fact
    response = daemon.exchange(
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
    echo_json(response.raw()) if as_json else echo(str(response.decode(Memory).id))


@command("delete", examples=["segue memory delete 7"])
@click.argument("memory_id", metavar="ID", type=click.IntRange(min=0))
@json_option
@pass_daemon
def delete_memory(daemon: DaemonClient, *, memory_id: int, as_json: bool) -> int:
    """Delete a memory.

    A memory that it superseded is current again. Exit status 1 if there is no such memory.
    """
    response = daemon.exchange("memory.delete", memory_id=memory_id)
    deleted = response.decode(Deleted).deleted
    if as_json:
        echo_json(response.raw())
    elif deleted:
        echo(f"deleted {memory_id}")
    return 0 if deleted else warn(f"no memory {memory_id}", 1)


memory.add_command(list_memories)
memory.add_command(add_memory)
memory.add_command(delete_memory)


def _print_memories(memories: list[Memory]) -> None:
    for one in memories:
        row = [str(one.id), one.category, str(one.importance), one.fact]
        echo_tsv(row if one.superseded_by is None else [*row, f"superseded by {one.superseded_by}"])
