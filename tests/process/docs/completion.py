"""Generate the table of the commands: `python -m tests.support.docs --write`.

Shells complete from it, and `segue --help` lists the commands, without an import of every command.
"""

import sys
from collections.abc import Iterator

import click

from segue.cli.integration.completion_table import TABLE, Row
from segue.cli.main import command as segue

ASKED = {"memory_id": "memory", "supersedes": "memory", "method": "method"}
"""The kinds of parameters, besides sessions, whose values the shell asks the daemon for."""


def rows(command: click.Command, ctx: click.Context, at: str = "") -> Iterator[Row]:
    """Yield a row for each subcommand, option and argument that can be completed."""
    for parameter in command.get_params(ctx):
        kind = _kind(parameter)
        if isinstance(parameter, click.Option) and not parameter.hidden:
            for word in (*parameter.opts, *parameter.secondary_opts):
                yield Row(at, word, kind, _line(parameter.help or ""))
        elif isinstance(parameter, click.Argument) and kind != "value":
            yield Row(at, "@", kind, "")
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            if (found := command.get_command(ctx, name)) is not None and not found.hidden:
                yield Row(at, name, "command", _line(found.get_short_help_str(100)))
                yield from rows(found, ctx, f"{at} {name}".strip())


def text() -> str:
    """Return the content of the file."""
    context = click.Context(segue, info_name="segue", **segue.context_settings)
    return "".join("\t".join(row) + "\n" for row in rows(segue, context))


def main() -> None:
    """Write the file, or fail if it is out of date."""
    if "--write" in sys.argv:
        TABLE.write_text(text(), encoding="utf-8")
    elif TABLE.read_text(encoding="utf-8") != text():
        raise SystemExit(f"{TABLE.name} is out of date; run: python -m tests.support.docs --write")


def _kind(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count):
        return "flag"
    if isinstance(parameter.type, click.Choice):
        return "one of " + " ".join(str(choice) for choice in parameter.type.choices)
    if isinstance(parameter.type, click.Path | click.File) or parameter.metavar == "PATH":
        return "file"
    if (parameter.name or "").startswith("session"):
        return "session"
    return ASKED.get(parameter.name or "", "value")


def _line(text: str) -> str:
    return " ".join(text.split())
