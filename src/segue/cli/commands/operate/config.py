"""The `config` commands: path, show and edit."""

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.editor import run_editor
from segue.cli.groups import Group, command
from segue.cli.output.terminal import echo, escape_controls, escape_line
from segue.config import check_tools, parse_config
from segue.errors import ConfigError
from segue.files import make_directory

TEMPLATE = """\
# Configuration of segue; `segue help configuration` describes every key.
# After a change, run: segue restart
"""


@click.group(cls=Group, examples=["segue config path", "segue config show", "segue config edit"])
def config() -> None:
    """Show or edit the configuration file."""


@command("path", examples=["segue config path"])
@pass_daemon
def path(daemon: DaemonClient) -> None:
    """Print the path of the configuration file.

    The file need not exist; without it, every key has its default.
    """
    echo(escape_line(str(daemon.paths.config_path)))


@command("show", examples=["segue config show"])
@pass_daemon
def show(daemon: DaemonClient) -> None:
    """Print every key with its value in force, as TOML.

    A value from the file is marked `# set`. A key without a value is a comment.
    """
    paths = daemon.paths
    defaults = msgspec.to_builtins(type(paths.config)())
    echo(escape_line(f"# {paths.config_path}{'' if paths.config_path.exists() else ' (does not exist)'}"))
    for section, values in msgspec.to_builtins(paths.config).items():
        echo(f"\n[{section}]")
        for key, value in values.items():
            mark = "" if value == defaults[section][key] else "  # set"
            text = "" if value is None else msgspec.json.encode(value).decode()
            echo(escape_controls(f"# {key} =" if value is None else f"{key} = {text}{mark}"))


@command("edit", examples=["segue config edit"])
@pass_daemon
def edit(daemon: DaemonClient) -> None:
    """Open the configuration file in VISUAL or EDITOR.

    The result is checked. Exit status 2 if it is invalid; exit status 1 if the editor fails.
    """
    # The path alone, because the file may be invalid and this command repairs it.
    file = daemon.config_path
    if not file.exists():
        make_directory(file.parent)
        file.write_text(TEMPLATE, encoding="utf-8")
        file.chmod(0o600)
    run_editor(file)
    try:
        check_tools(parse_config(file.read_bytes().decode(), file), file)
    except UnicodeDecodeError as error:
        raise ConfigError(f"config: {file}", str(error)) from None
    echo("the configuration is valid; `segue restart` activates it")


config.add_command(path)
config.add_command(show)
config.add_command(edit)
