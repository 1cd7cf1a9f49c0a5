"""What can go wrong between a client and the daemon; what the daemon itself answers is in `segue.errors`."""

from pathlib import Path


class ClientError(Exception):
    """No answer came. After `Unreachable` nothing was asked; after the others nobody knows what was done."""


class Unreachable(ClientError):
    """Nothing serves at the socket."""

    def __init__(self, path: Path, reason: str, command: str = "segued") -> None:
        super().__init__(f"no daemon at {path} ({reason}); start it with: {command}")
        self.path = path


class TimedOut(ClientError):
    """The deadline passed before the connection was accepted or the answer was whole."""


class ConnectionLost(ClientError):
    """The daemon went away, or this client was closed, before the answer was whole."""


class Garbled(ClientError):
    """What came is not the answer to anything that was asked: no segued is at the other end."""
