"""Notices on standard error about sessions that a cleanup is about to delete."""

from segue.cli.output.terminal import warn
from segue.workflows.expiry import DAYS


def expiry_text(count: int) -> str:
    """Return that sessions expire, and what to run."""
    sessions, each = ("session expires", "it") if count == 1 else ("sessions expire", "one")
    return f"{count} {sessions} within {DAYS} days; `segue list --expiring` shows them, `segue pin ID` keeps {each}"


def waiting_text(count: int) -> str:
    """Return that sessions wait for a cleanup by hand, and what to run."""
    return (
        f"{count} sessions have expired, more than half of all; `segue cleanup --dry-run` shows them, "
        "`segue cleanup` deletes them"
    )


def warn_of_waiting(count: int) -> None:
    """Say that the automatic cleanup left sessions to a person, if it did."""
    if count:
        warn(waiting_text(count))
