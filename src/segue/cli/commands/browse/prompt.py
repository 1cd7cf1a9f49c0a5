"""The `prompt` command."""

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.fast_prompt import MAX_COLUMNS, SHELLS, print_prompt
from segue.cli.groups import command


@command(examples=["segue prompt", "segue prompt --shell bash", "segue prompt --format '{name} {age} '"])
@click.option("--shell", type=click.Choice(SHELLS), default="plain", help="Program that must not expand a name.")
@click.option("--format", metavar="TEXT", help="Text with {name}, {messages}, {age} and {id}.")
@click.option(
    "--name-chars", type=click.IntRange(0, MAX_COLUMNS), metavar="N", help="Columns of the name; default: 30."
)
@pass_daemon
def prompt(daemon: DaemonClient, *, shell: str, format: str | None, name_chars: int | None) -> int:
    """Print the session that a prompt or status line shows.

    It is the one that the current directory continues. The command prints nothing if there is none, or if no daemon
    runs; it starts no daemon and waits at most 0.3 s (SEGUE_BUDGET). `segue help shell` has lines for starship,
    powerlevel10k and tmux.
    """
    options = {"shell": shell, "format": format, "name_chars": name_chars}
    return print_prompt(daemon.paths, {name: value for name, value in options.items() if value is not None})
