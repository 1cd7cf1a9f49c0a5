"""Sessions that the next cleanups delete unless they are used before."""

from collections.abc import Iterable

from segue.errors import NotFound
from segue.models import Session
from segue.results import CleanupResult
from segue.workflows.sessions import Caller

DAYS = 3
"""Days: how long before its deletion a session is reported."""


def count_expiring(client: Caller) -> int:
    """Return how many sessions expire within DAYS."""
    return client.call("session.cleanup", CleanupResult, dry_run=True, within_days=DAYS).sessions_deleted


def find_expiring(client: Caller) -> dict[str, int]:
    """Return the days that are left to each session that expires within DAYS, 0 if it has expired; the next first.

    The daemon decides, because it has the configuration. It names at most 1000 sessions.
    """
    days: dict[str, int] = {}
    for number in range(DAYS + 1):
        due = client.call("session.cleanup", CleanupResult, dry_run=True, within_days=number)
        days |= {id: number for id in due.session_ids if id not in days}
    return days


def get_sessions(client: Caller, ids: Iterable[str]) -> list[Session]:
    """Return the sessions that still exist, in the given order."""
    found = []
    for id in ids:
        try:
            found.append(client.call("session.get", Session, session_id=id))
        except NotFound:
            continue
    return found


def expiry_text(count: int) -> str:
    """Return that sessions expire, and what to run."""
    sessions, each = ("session expires", "it") if count == 1 else ("sessions expire", "one")
    return f"{count} {sessions} within {DAYS} days; `segue list --expiring` shows them, `segue pin ID` keeps {each}"


def waiting_text(count: int) -> str:
    """Return that the automatic cleanup left sessions to a person, and what to run."""
    return (
        f"{count} sessions have expired, more than half of all; `segue cleanup --dry-run` shows them, "
        "`segue cleanup` deletes them"
    )
