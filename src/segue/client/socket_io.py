"""Send and receive bytes on a connected socket, each under a deadline."""

import select
import socket
import time
from contextlib import suppress

from segue.client.diagnostics import hang_hint
from segue.client.errors import ConnectionLost, TimedOut
from segue.paths import Paths

CHUNK_BYTES = 262_144
"""Bytes: the most that one call receives."""

MAX_ANSWER_BYTES = 2**30
"""Bytes: the longest response. The daemon ends a page at 16 MiB, and a single row is not much longer."""


class SocketIO:
    """A non-blocking socket. One thread may send while another one receives, because neither changes its mode."""

    def __init__(self, connected: socket.socket, paths: Paths | None = None) -> None:
        connected.settimeout(0)
        self._socket = connected
        self._paths = paths

    def send(self, data: bytes, timeout: float | None) -> None:
        """Send all data.

        Returns without an error if the daemon has closed the connection, because its last response, such as
        `overloaded`, may still be readable.

        Raises:
            TimedOut: not all data was sent within `timeout` seconds. The connection cannot be used again.
            ConnectionLost: the connection failed.
        """
        deadline = deadline_of(timeout)
        left = memoryview(data)
        try:
            while left:
                with suppress(BlockingIOError):
                    left = left[self._socket.send(left) :]
                    continue
                if not self._wait(select.POLLOUT, deadline):
                    raise TimedOut(f"the daemon did not take the request within {timeout} s{hang_hint(self._paths)}")
        except (BrokenPipeError, ConnectionResetError):
            return
        except OSError as error:
            raise ConnectionLost(f"the connection failed: {error.strerror}") from None

    def receive(self, deadline: float | None, timeout: float | None) -> bytes:
        """Return received bytes, or none if the daemon closed the connection.

        Raises:
            TimedOut: the deadline passed; the message names `timeout` seconds.
            ConnectionLost: the connection failed.
        """
        try:
            while True:
                with suppress(BlockingIOError):
                    return self._socket.recv(CHUNK_BYTES)
                if not self._wait(select.POLLIN, deadline):
                    raise TimedOut(f"no response within {timeout} s{hang_hint(self._paths)}")
        except OSError as error:
            raise ConnectionLost(f"the connection failed: {error.strerror}") from None

    def has_ended(self) -> bool:
        """Return True if the daemon closed the connection and all data was received."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def shut_down(self) -> None:
        """End the connection and wake threads that send or receive."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket. Closing it again has no effect."""
        self._socket.close()

    def _wait(self, event: int, deadline: float | None) -> bool:
        """Return True if the socket is ready before the deadline."""
        poll = select.poll()  # Not select, which fails for descriptors above 1023.
        poll.register(self._socket, event)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        return bool(poll.poll(left))


def deadline_of(timeout: float | None) -> float | None:
    """Return the time of the monotonic clock in `timeout` seconds; None means no deadline."""
    return None if timeout is None else time.monotonic() + timeout
