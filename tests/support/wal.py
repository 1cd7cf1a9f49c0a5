"""A wait for the checkpoint that a daemon makes once after its start."""

from tests.support.deadline import wait_until
from tests.support.wire import Wire


def wait_until_wal_was_emptied(wire: Wire) -> None:
    """Return when the daemon has emptied the WAL, so that later writes stay in it."""
    wait_until(lambda: not wire.call("daemon.status")["privacy"]["deleted_remains"])
