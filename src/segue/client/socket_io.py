"""A connected socket of the standard library: bytes out, bytes in, each under a deadline."""

import socket
import time

from segue.client.diagnostics import advice_on_peer
from segue.client.errors import ConnectionLost, TimedOut
from segue.paths import Paths

CHUNK = 262_144

MAX_ANSWER_BYTES = 2**30
"""The daemon ends a page at some 16 MiB; one row may go beyond that, but never by so much."""


class SocketIO:
    """The connection of one thread; `paths` only help to say who does not answer."""

    def __init__(self, connected: socket.socket, paths: Paths | None = None) -> None:
        self._socket = connected
        self._paths = paths

    def send(self, data: bytes, timeout: float | None) -> None:
        """Send it all within so many seconds, else close and raise TimedOut: half of it would spoil the connection."""
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            # The daemon closed: its last words, such as `overloaded`, may still be there to be read.
            return
        except TimeoutError:
            said = f"the daemon did not take the request in time{self._advice()}"
            self.close()
            raise TimedOut(said) from None
        except OSError as error:
            raise ConnectionLost(f"the connection is gone: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def receive(self, deadline: float | None, timeout: float | None) -> bytes:
        """What has come by then, nothing at the end; TimedOut says that `timeout` seconds were too few."""
        try:
            self._socket.settimeout(_left(deadline))
            return self._socket.recv(CHUNK)
        except TimeoutError:
            raise TimedOut(f"no answer within {timeout} s{self._advice()}") from None
        except OSError as error:
            raise ConnectionLost(f"the connection is gone: {error.strerror}") from None

    def close(self) -> None:
        """Close the connection; closing twice is once."""
        self._socket.close()

    def _advice(self) -> str:
        return advice_on_peer(self._socket, self._paths)


def deadline_of(timeout: float | None) -> float | None:
    """The moment in so many seconds, by the monotonic clock; None is never."""
    return None if timeout is None else time.monotonic() + timeout


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
