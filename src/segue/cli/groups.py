"""Groups of commands as people meet them: whole summaries in the help, a suggestion for a mistyped name."""

import click

PLACES = ("--socket", "--database", "--config")
"""Options that stand before the command, for they belong to all."""


class Group(click.Group):
    """A group of commands."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help; click would cut what does not fit into one line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(limit=1000)) for name, one in commands if one])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; wrong usage, with what it may have meant, if there is none."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise click.UsageError(f"No such command {args[0]!r}.{self._suggestion(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _suggestion(self, ctx: click.Context, mistyped: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(mistyped, self.list_commands(ctx), n=1)
        return f" Did you mean {close[0]!r}?" if close else ""


def hint_global_option(error: click.ClickException) -> click.ClickException:
    """The error, which says of an option that stands behind the command where it belongs."""
    if not isinstance(error, click.NoSuchOption) or error.option_name not in PLACES or error.ctx is None:
        return error
    option, command = error.option_name, error.ctx.command_path.partition(" ")[2]
    return click.UsageError(f"{option} goes before the command: segue {option} PATH {command} …", error.ctx)
