"""`backup`: a copy of everything, while everything goes on."""

import os

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import echo, echo_json, escape_controls, size
from segue.results import BackupResult


@click.command()
@click.argument("path", metavar="PATH")
@click.option("--overwrite", is_flag=True, help="Replace the copy that is there.")
@json_option
@pass_daemon
def backup(daemon: Daemon, *, path: str, overwrite: bool, as_json: bool) -> None:
    """Copy the whole database to PATH, private and in one file; others may go on writing.

    `segue restore` takes it back.
    """
    if not path:
        raise click.UsageError("PATH is empty")
    daemon.disable_timeout()
    absolute = os.path.abspath(path) + ("/" if path.endswith("/") else "")
    answer = daemon.answer("daemon.backup", path=absolute, overwrite=overwrite)
    if as_json:
        return echo_json(answer.raw())
    made = answer.decode(BackupResult)
    return echo(escape_controls(f"{made.path} ({size(made.bytes)})"))
