"""What a daemon does once after its start, and a test that looks into the WAL waits for."""

from tests.support.deadline import wait_until
from tests.support.wire import Wire


def wait_until_wal_was_emptied(wire: Wire) -> None:
    """Return when what is written from now on stays in the WAL: each daemon empties it once, of what was deleted."""
    wait_until(lambda: not wire.call("daemon.status")["privacy"]["deleted_remains"])
