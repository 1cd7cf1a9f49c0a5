"""Leaving: a connection that closes, and the moment from which the server has taken note of it."""

from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire


def part(leaving: Wire, staying: Wire) -> None:
    """Close one connection and return when the server, asked over the other, is done with it."""
    clients = staying.call("daemon.status")["clients"]
    leaving.close()
    wait_until(lambda: bool(staying.call("daemon.status")["clients"] < clients))


def restart_in_good_order(server: Server) -> None:
    """Let the daemon leave while everyone is still connected, so that it is the daemon that closes."""
    server.begin_stop()
    wait_until(server.has_left)
    server.restart()
