"""The `scrub` command."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.input import confirmed, require_tty
from segue.cli.output.terminal import echo, echo_json, warn
from segue.results import ScrubResult


@command(examples=["segue scrub --dry-run", "segue scrub --yes"])
@click.option("--dry-run", is_flag=True, help="Report what would be redacted, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@json_option
@pass_daemon
def scrub(daemon: DaemonClient, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Redact API keys and tokens in everything that is stored.

    Each secret in messages, names, memories and summaries is replaced by `[redacted:KIND]`. This cannot be undone.
    Exit status 1 if you decline.
    """
    if not dry_run and not yes:
        require_tty("changed")
        if not confirmed("Redact every recognized API key and token permanently?"):
            return warn("nothing was changed", 1)
    after_interrupt = (
        "nothing was changed" if dry_run else "segued completes it unless you stop it; a later scrub does the rest"
    )
    with daemon.show_job("scrub", after_interrupt, quiet=as_json):
        response = daemon.exchange("daemon.scrub", dry_run=dry_run)
    result = response.decode(ScrubResult)
    if as_json:
        echo_json(response.raw())
    else:
        _report(result)
    if result.wiped is False:
        return warn("a long read keeps old bytes in the WAL; segued removes them when the read ends", 0)
    return 0


def _report(result: ScrubResult) -> None:
    for kind, count in result.found.items():
        echo(f"{kind}\t{count}")
    for name, ids in (("session", result.session_ids), ("message", result.message_ids), ("memory", result.memory_ids)):
        for id in ids:
            echo(f"{name} {id}")
    rows = sum(result.rows.values())
    echo(f"{sum(result.found.values())} secrets in {rows} rows {'would be' if result.dry_run else 'were'} redacted")
