"""Connections that close, and waits until the server has processed it."""

from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire


def part(leaving: Wire, staying: Wire) -> None:
    """Close one connection, and return when the server has processed the close."""
    clients = staying.call("daemon.status")["clients"]
    leaving.close()
    wait_until(lambda: bool(staying.call("daemon.status")["clients"] < clients))


def restart_cleanly(server: Server) -> None:
    """Restart the daemon while clients are connected, so that the daemon closes the connections."""
    server.begin_stop()
    wait_until(server.has_left)
    server.restart()
