"""Maintenance of what is stored: cleanup and scrub."""

import click

from segue.cli.confirm import confirmed, require_tty
from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import echo, echo_json, warn
from segue.results import CleanupResult, ScrubResult


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@json_option
@pass_daemon
def cleanup(daemon: Daemon, *, dry_run: bool, as_json: bool) -> None:
    """Delete sessions that are older, or more, than the configuration says; pinned ones stay."""
    daemon.disable_timeout()
    answer = daemon.answer("session.cleanup", dry_run=dry_run)
    if as_json:
        return echo_json(answer.raw())
    result = answer.decode(CleanupResult)
    for id in result.session_ids:
        echo(id)
    unnamed = result.sessions_deleted - len(result.session_ids)
    if unnamed:
        echo(f"and {unnamed} more")
    return echo(
        f"{result.sessions_deleted} sessions {'would be deleted' if dry_run else 'deleted'}: "
        f"{result.by_retention} by age, {result.by_max_sessions} above the maximum"
    )


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken out.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_daemon
def scrub(daemon: Daemon, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Put `[redacted:KIND]` in the place of every API key and token in messages, names, memories and summaries."""
    if not dry_run and not yes:
        require_tty("changed")
        if not confirmed("Take every recognised API key and token out of what is stored, for good?"):
            return warn("nothing was changed", 1)
    daemon.disable_timeout()
    answer = daemon.answer("daemon.scrub", dry_run=dry_run)
    result = answer.decode(ScrubResult)
    if as_json:
        echo_json(answer.raw())
    else:
        _show(result)
    if result.wiped is False:
        return warn("something that reads for long keeps old bytes in the WAL; segued removes them after it", 0)
    return 0


def _show(result: ScrubResult) -> None:
    for kind, count in result.found.items():
        echo(f"{kind}\t{count}")
    for name, ids in (("session", result.session_ids), ("message", result.message_ids), ("memory", result.memory_ids)):
        for id in ids:
            echo(f"{name} {id}")
    rows = sum(result.rows.values())
    echo(f"{sum(result.found.values())} secrets in {rows} rows {'would be' if result.dry_run else 'were'} taken out")
