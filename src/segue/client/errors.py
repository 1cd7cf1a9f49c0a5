"""What can go wrong between a client and the daemon; what the daemon itself answers is in `segue.errors`."""

from pathlib import Path


class ClientError(Exception):
    """No answer came. After `Unreachable` nothing was asked; after the others nobody knows what was done."""


class Unreachable(ClientError):
    """Nothing serves at the socket."""

    def __init__(self, path: Path, reason: str, command: str = "segued", *, absent: bool = True) -> None:
        super().__init__(f"no daemon at {path} ({reason}); start it with: {command}")
        self.path = path
        self.reason = reason
        self.absent = absent
        """Whether a daemon could be started there: nobody listens, rather than that we are kept out."""


class NotStarted(Unreachable):
    """Nothing served, and a daemon could not be started: the text is what segued said."""

    def __init__(self, path: Path, said: str) -> None:
        ClientError.__init__(self, f"segued could not start: {said}")
        self.path = path
        self.reason = said
        self.absent = False


class TimedOut(ClientError):
    """The deadline passed before the connection was accepted or the answer was whole."""


class ConnectionLost(ClientError):
    """The daemon went away, or this client was closed, before the answer was whole."""


class ProtocolError(ClientError):
    """What came is not the answer to anything that was asked: no segued is at the other end."""
