"""The `help` command: pages of the manual and the help of commands."""

from collections.abc import Iterator

import click

from segue.cli.groups import command
from segue.cli.output.pager import page
from segue.cli.output.terminal import stdout_is_tty
from segue.manual import SECTIONS, TOPICS, read_topic, summary_of

HINT = "`segue help TOPIC` shows a topic.\n`segue help COMMAND` shows the options of a command.\n"


@command(examples=["segue help", "segue help concepts", "segue help memory add", "segue help --all | grep -i backup"])
@click.argument("words", metavar="[TOPIC | COMMAND]", nargs=-1)
@click.option("--topic", "only_topic", is_flag=True, help="Read the topic even if a command has the same name.")
@click.option("--all", "everything", is_flag=True, help="Print all topics and the help of all commands.")
@click.pass_context
def help(ctx: click.Context, *, words: tuple[str, ...], only_topic: bool, everything: bool) -> None:
    """Show the manual or the help of a command.

    Without an argument, list the topics. On a terminal a topic is rendered and shown in PAGER; a pipe gets the
    Markdown text without pictures. `segue help COMMAND` is the same as `segue COMMAND --help`.
    """
    root = ctx.find_root()
    if everything:
        return page(_everything(root))
    if not words:
        return page([_list_topics(ctx)])
    found = None if only_topic else _find_command(root, words)
    if found is not None:
        return click.echo(found.get_help())
    topic = " ".join(words).lower()
    if topic not in TOPICS:
        raise click.UsageError(f"no topic or command {topic!r}{_suggestion(root, topic)}", ctx)
    return page([_rendered(topic)])


def _everything(root: click.Context) -> Iterator[str]:
    for topic in TOPICS:
        if topic != "commands":  # Because that page is made of the help that follows
            yield _rendered(topic) + "\n"
    for ctx in _walk(root):
        yield ctx.get_help() + "\n\n"


def _list_topics(ctx: click.Context) -> str:
    formatter = ctx.make_formatter()
    width = max(map(len, TOPICS))
    for heading, topics in SECTIONS.items():
        with formatter.section(heading):
            formatter.write_dl([(topic.ljust(width), summary_of(topic)) for topic in topics])
    return f"{formatter.getvalue()}\n{HINT}"


def _find_command(root: click.Context, words: tuple[str, ...]) -> click.Context | None:
    """Return the context of the command that the words name, or None if there is none."""
    ctx = root
    for word in words:
        found = ctx.command.get_command(ctx, word) if isinstance(ctx.command, click.Group) else None
        if found is None:
            return None
        ctx = _inner(ctx, found, word)
    return ctx


def _walk(ctx: click.Context) -> Iterator[click.Context]:
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            if (found := ctx.command.get_command(ctx, name)) is not None:
                yield from _walk(_inner(ctx, found, name))


def _inner(parent: click.Context, found: click.Command, name: str) -> click.Context:
    return click.Context(found, parent=parent, info_name=name, resilient_parsing=True)


def _rendered(topic: str) -> str:
    text = read_topic(topic)
    if not stdout_is_tty():
        return text
    from segue.cli.output.markdown import render

    return render(text)


def _suggestion(root: click.Context, topic: str) -> str:
    from difflib import get_close_matches

    names = [*TOPICS, *(ctx.command_path.partition(" ")[2] for ctx in _walk(root))]
    near = get_close_matches(topic, names, n=3, cutoff=0.5)
    near += [name for name in names if topic in name and name not in near][:3]
    if not near:
        return "; run `segue help` for a list of topics"
    return f"; did you mean {' or '.join(repr(name) for name in near)}?"
