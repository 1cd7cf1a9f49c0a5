"""Command and group classes that extend click's help and error messages."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from segue.manual import TOPICS
from segue.workflows.times import parse_moment

GLOBAL_OPTIONS = {"--host": "HOST", "--socket": "PATH", "--database": "PATH", "--config": "PATH"}
"""Options that go before the command because they apply to all commands, with the names of their values."""


class MessageId(click.ParamType[int]):
    """A message ID, with or without the `#` that transcripts show."""

    name = "message"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        digits = str(value).removeprefix("#")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
            self.fail(f"{value!r} is not a message ID such as 12 or '#12'", param, ctx)
        return int(digits)


class Command(click.Command):
    """A command whose help ends with examples, one per line."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the name of the manual page below the options, or below the commands of a group."""
        write_examples(self.examples, formatter)
        write_manual_hint(ctx, formatter)


class Group(Command, click.Group):
    """A group of commands that lists whole summaries and suggests a name for a mistyped one."""

    command_class = Command

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """Return the command names under the headings of the help."""
        return {"Commands": self.list_commands(ctx)}

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return the summary of a command."""
        found = self.get_command(ctx, name)
        return "" if found is None else found.get_short_help_str(limit=1000)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of each section. click itself would cut summaries that do not fit on one line."""
        sections = self.sections(ctx)
        width = max(len(name) for names in sections.values() for name in names)
        for heading, names in sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), self.summary(ctx, name)) for name in names])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names.

        Raises:
            click.UsageError: There is no such command; the message suggests the closest name.
        """
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise click.UsageError(f"No such command {args[0]!r}.{self._suggestion(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _suggestion(self, ctx: click.Context, mistyped: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(mistyped, self.list_commands(ctx), n=1)
        return f" Did you mean {close[0]!r}?" if close else ""


def command(name: str | None = None, *, examples: Sequence[str]) -> Callable[[Callable[..., Any]], Command]:
    """Return a decorator that makes a command of a function, whose help ends with the examples."""
    return click.command(name, cls=Command, examples=examples)


def parse_time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return the timestamp of an age such as `7d` or a date in the local time zone."""
    try:
        return None if value is None else parse_moment(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write an `Examples:` section; lines are not wrapped, because a reader copies them."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


def write_manual_hint(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Name the manual page that has the same name as the command, if there is one."""
    name = ctx.command_path.partition(" ")[2]
    if name in TOPICS:
        formatter.write(f"\nManual page: segue help --topic {name}\n")


def hint_global_option(error: click.ClickException) -> click.ClickException:
    """Return the error, or one that says where a global option belongs if it was given after the command."""
    if not isinstance(error, click.NoSuchOption) or error.option_name not in GLOBAL_OPTIONS or error.ctx is None:
        return error
    option, command = error.option_name, error.ctx.command_path.partition(" ")[2]
    return click.UsageError(
        f"{option} goes before the command: segue {option} {GLOBAL_OPTIONS[option]} {command} …", error.ctx
    )
