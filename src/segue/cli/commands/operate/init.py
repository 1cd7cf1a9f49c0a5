"""The `init` command: print the integration into a shell."""

import os
import shlex
from pathlib import Path

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.integration.completion_table import read_table
from segue.cli.integration.own_command import global_options, own_program
from segue.cli.output.terminal import echo, warn
from segue.paths import default_socket
from segue.runtime.place import find_terminal, home_directory

SCRIPTS = Path(__file__).parents[3] / "shell"
PARTS = ("transport", "json", "prompt", "functions", "completion")

Settings = dict[str, str | list[str]]
"""The variables of the script: strings and lists."""

ZSH_WRAPPER = """\
function __segue_load {{
  emulate -L zsh -o no_aliases
  zmodload zsh/system
  local REPLY
  sysread -s 1000000 REPLY <<'__segue_end'
{script}
__segue_end
  eval "$REPLY"
}}
__segue_load
"""
"""A wrapper that evaluates the script under default options, because zsh parses it under the user's options."""


@command(examples=['eval "$(segue init zsh)"', 'eval "$(segue init bash)"', "segue init fish | source"])
@click.argument("shell", type=click.Choice(["zsh", "bash", "fish"]))
@pass_daemon
@click.pass_context
def init(ctx: click.Context, daemon: DaemonClient, *, shell: str) -> None:
    """Print the shell integration: prompt, functions, completion.

    Add the matching line of the examples to ~/.zshrc, ~/.bashrc or ~/.config/fish/config.fish.
    """
    root = ctx.find_root()
    settings = _paths(daemon) | {"__segue_command": [*own_program(), *global_options(root)]}
    if shell != "zsh":  # zsh has sockets
        settings |= _connector()
    settings["__segue_words"] = read_table()
    lines = [_assignment(shell, name, value) for name, value in settings.items()]
    script = "\n".join([*lines, *((SCRIPTS / shell / f"{part}.{shell}").read_text(encoding="utf-8") for part in PARTS)])
    echo(ZSH_WRAPPER.format(script=script) if shell == "zsh" else script)


def _paths(daemon: DaemonClient) -> Settings:
    paths = daemon.paths
    session = paths.config.session
    return {
        "__segue_socket": os.fspath(paths.socket) if paths.socket_explicit else "",
        "__segue_record": os.fspath(paths.record),
        "__segue_database": os.fspath(paths.database),
        # Empty for an explicit database, because only the daemon of its record serves that one.
        "__segue_data_socket": "" if paths.database_explicit else os.fspath(default_socket({})),
        "__segue_continuity": str(session.continuity_ms // 1000),
        "__segue_home": home_directory(),
        "__segue_scope": session.scope,
        "__segue_terminal": _terminal_member() if session.affinity == "terminal" else "",
    }


def _terminal_member() -> str:
    """Return the terminal as a further member of a JSON object, or nothing if there is no terminal."""
    import json

    terminal = find_terminal()
    return f',"terminal":{json.dumps(terminal)}' if terminal else ""


def _connector() -> Settings:
    from segue.cli.integration import netcat  # zsh does not need it

    command, address = netcat.find_connector()
    if not command:
        warn("the prompt cannot show sessions; install a netcat that supports -U, or socat")
    return {
        "__segue_netcat": command,
        "__segue_address": address,
        "__segue_timeout": netcat.find_timeout() if command else [],
    }


def _assignment(shell: str, name: str, value: str | list[str]) -> str:
    if shell == "fish":
        return " ".join(["set -g", name, *(_fish_quoted(word) for word in _words(value))])
    quoted = " ".join(shlex.quote(word) for word in _words(value))
    return f"{name}=({quoted})" if isinstance(value, list) else f"{name}={quoted}"


def _words(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _fish_quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
