"""The `backup` command."""

import os

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, escape_controls, size
from segue.results import BackupResult


@command(examples=["segue backup ~/backups/segue.db", "segue backup --overwrite /mnt/usb/segue.db"])
@click.argument("path", metavar="PATH")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@json_option
@pass_daemon
def backup(daemon: DaemonClient, *, path: str, overwrite: bool, as_json: bool) -> None:
    """Copy the whole database to one private file.

    The daemon continues to serve all clients meanwhile. Run `segue restore PATH` to restore the copy.
    """
    if not path:
        raise click.UsageError("PATH is empty")
    absolute = os.path.abspath(path) + ("/" if path.endswith("/") else "")
    absolute.encode()  # The client would replace bytes that are not UTF-8, which makes another path.
    with daemon.show_job("backup", f"segued completes {absolute} unless you stop it; see segue status", quiet=as_json):
        response = daemon.exchange("daemon.backup", path=absolute, overwrite=overwrite)
    if as_json:
        return echo_json(response.raw())
    result = response.decode(BackupResult)
    return echo(escape_controls(f"{result.path} ({size(result.bytes)})"))
