"""The `help` command: pages of the manual and the help of commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from segue.cli.groups import command, manual_pages
from segue.cli.output.pager import page
from segue.cli.output.terminal import stdout_is_tty

FOR_BROWSERS = re.compile(
    r"^(?:<!--.*?-->\n|(?:<picture>.*?</picture>|!\[[^\]]*\]\([^)]*\))\n\n?)", re.MULTILINE | re.DOTALL
)
"""Pictures, and the marks around generated parts. Neither helps in a terminal."""

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
    path = manual_pages().get(topic)
    if path is None:
        raise click.UsageError(f"no topic or command {topic!r}{_suggestion(root, topic)}", ctx)
    return page([_rendered(path)])


def _everything(root: click.Context) -> Iterator[str]:
    for name, path in manual_pages().items():
        if name != "commands":  # Because that page is made of the help that follows
            yield _rendered(path) + "\n"
    for ctx in _walk(root):
        yield ctx.get_help() + "\n\n"


def _list_topics(ctx: click.Context) -> str:
    formatter = ctx.make_formatter()
    with formatter.section("Topics"):
        formatter.write_dl([(name, _summary(path)) for name, path in manual_pages().items()] or [("none", "")])
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


def _rendered(path: Path) -> str:
    text = FOR_BROWSERS.sub("", path.read_text(encoding="utf-8"))
    if not stdout_is_tty():
        return text
    from segue.cli.output.markdown import render

    return render(text)


def _summary(path: Path) -> str:
    """Return the first sentence below the title, or the title if there is no text."""
    title, _, text = path.read_text(encoding="utf-8").partition("\n")
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    sentence = paragraph.partition(". ")[0].rstrip(".")
    return sentence.replace("`", "") if sentence[:1].isalpha() else title.lstrip("# ")


def _suggestion(root: click.Context, topic: str) -> str:
    from difflib import get_close_matches

    names = [*manual_pages(), *(ctx.command_path.partition(" ")[2] for ctx in _walk(root))]
    near = get_close_matches(topic, names, n=3, cutoff=0.5)
    near += [name for name in names if topic in name and name not in near][:3]
    if not near:
        return "; run `segue help` for a list of topics"
    return f"; did you mean {' or '.join(repr(name) for name in near)}?"
