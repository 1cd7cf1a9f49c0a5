"""`cleanup`: retention, now."""

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import put, put_json
from segue.results import CleanupResult


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@json_option
@pass_daemon
def cleanup(daemon: Daemon, *, dry_run: bool, as_json: bool) -> None:
    """Delete sessions that are older, or more, than the configuration says; pinned ones stay."""
    daemon.take_its_time()
    answer = daemon.answer("session.cleanup", dry_run=dry_run)
    if as_json:
        return put_json(answer.raw())
    result = answer.decode(CleanupResult)
    for id in result.session_ids:
        put(id)
    unnamed = result.sessions_deleted - len(result.session_ids)
    if unnamed:
        put(f"and {unnamed} more")
    return put(
        f"{result.sessions_deleted} sessions {'would be deleted' if dry_run else 'deleted'}: "
        f"{result.by_retention} by age, {result.by_max_sessions} above the maximum"
    )
