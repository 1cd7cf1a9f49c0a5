"""A table of the commands of `segue`, from which shells complete without starting it."""

from collections.abc import Iterator

import click

Row = tuple[str, str, str, str]
"""The command path (empty at the top), the word (`@` for an argument), its kind, its description."""

ONE_OF = "one of "
"""Prefix of the kind of a choice. The other kinds are command, flag, value, file and session."""


def table(command: click.Command, ctx: click.Context, at: str = "") -> Iterator[Row]:
    """Yield a row for each subcommand, option and argument that can be completed."""
    for parameter in command.get_params(ctx):
        kind = _kind(parameter)
        if isinstance(parameter, click.Option) and not parameter.hidden:
            for word in (*parameter.opts, *parameter.secondary_opts):
                yield at, word, kind, _line(parameter.help or "")
        elif isinstance(parameter, click.Argument) and kind != "value":
            yield at, "@", kind, ""
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            if (found := command.get_command(ctx, name)) is not None and not found.hidden:
                yield at, name, "command", _line(found.get_short_help_str(100))
                yield from table(found, ctx, f"{at} {name}".strip())


def _kind(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count):
        return "flag"
    if isinstance(parameter.type, click.Choice):
        return ONE_OF + " ".join(str(choice) for choice in parameter.type.choices)
    if isinstance(parameter.type, click.Path | click.File) or parameter.metavar == "PATH":
        return "file"
    return "session" if (parameter.name or "").startswith("session") else "value"


def _line(text: str) -> str:
    return " ".join(text.split())
