"""The `cleanup` command."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.session_table import print_sessions
from segue.cli.output.terminal import echo, echo_json, stdout_is_tty
from segue.results import CleanupResult
from segue.workflows.expiry import get_sessions


@command(examples=["segue cleanup --dry-run", "segue cleanup"])
@click.option("--dry-run", is_flag=True, help="Report what would be deleted, and delete nothing.")
@json_option
@pass_daemon
def cleanup(daemon: DaemonClient, *, dry_run: bool, as_json: bool) -> None:
    """Delete sessions that exceed the configured age or number.

    Sessions older than `session.retention_days` and those above `session.max_sessions` are deleted. Pinned sessions
    stay. `segue list --expiring` shows those of the next three days.
    """
    with daemon.show_job("cleanup", "segued completes it unless you stop it; see segue status", quiet=as_json):
        response = daemon.exchange("session.cleanup", dry_run=dry_run)
    if as_json:
        return echo_json(response.raw())
    result = response.decode(CleanupResult)
    if dry_run and stdout_is_tty() and result.session_ids:
        print_sessions(get_sessions(daemon, result.session_ids), None)
    else:
        for id in result.session_ids:
            echo(id)
    unnamed = result.sessions_deleted - len(result.session_ids)
    if unnamed:
        echo(f"and {unnamed} more")
    return echo(
        f"{result.sessions_deleted} session{'' if result.sessions_deleted == 1 else 's'} "
        f"{'would be deleted' if dry_run else 'deleted'}: "
        f"{result.by_retention} by age, {result.by_max_sessions} above the maximum"
    )
