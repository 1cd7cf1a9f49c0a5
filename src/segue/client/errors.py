"""Define the errors of a connection to the daemon. Errors that the daemon returns are in `segue.errors`."""

from pathlib import Path


class ClientError(Exception):
    """An error without a response.

    After `Unreachable` the request was not sent. After the others it may have been executed.
    """


class Unreachable(ClientError):
    """No daemon serves at the socket."""

    def __init__(self, path: Path, reason: str, command: str = "segued", *, absent: bool = True) -> None:
        super().__init__(f"no daemon at {path} ({reason}); start it with: {command}")
        self.path = path
        self.reason = reason
        self.absent = absent
        """True if no process listens, so that a daemon could start there; False if the socket cannot be used."""


class NotStarted(Unreachable):
    """No daemon serves, and segued could not start. The text is the reason that segued reported."""

    def __init__(self, path: Path, reason: str) -> None:
        ClientError.__init__(self, f"segued could not start: {reason}")
        self.path = path
        self.reason = reason
        self.absent = False


class TimedOut(ClientError):
    """The timeout ended before the connection was accepted or the response was complete."""


class ConnectionLost(ClientError):
    """The daemon or this client closed the connection before the response was complete."""


class ProtocolError(ClientError):
    """The peer sent something other than the expected response, so it is not segued."""
