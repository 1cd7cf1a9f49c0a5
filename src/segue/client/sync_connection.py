"""Share one connection among threads.

There is no background thread. Of the threads that wait for a response or an event, one reads for all:

1. A thread sends its request while it holds the send lock, so that lines do not mix and IDs grow in sending order.
2. It looks for its response in the pipeline.
3. If there is none and no thread reads, it reads without holding the state lock, and wakes the others afterwards.
4. If another thread reads, it waits to be woken, up to its own deadline. Then it continues with step 2.
"""

import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from segue.client.errors import ClientError, ConnectionLost, TimedOut
from segue.client.protocol import Answer, RequestPipeline
from segue.client.socket_io import SocketIO, deadline_of
from segue.paths import Paths

if TYPE_CHECKING:
    from segue.events import Event

R = TypeVar("R")

MAX_WAIT_SECONDS = 1.0
"""Seconds: the longest single wait for an event. Python handles a Ctrl-C just before a wait only after the wait."""


class SyncConnection:
    """A connection with its pending requests, for any number of threads."""

    def __init__(self, connected: socket.socket, paths: Paths | None = None) -> None:
        self.lost: ClientError | None = None
        """The reason why the connection cannot be used any more."""
        self._io = SocketIO(connected, paths)
        self._pipeline = RequestPipeline()
        self._sending = threading.Lock()
        self._state = threading.Condition()
        self._reading = False

    def exchange(self, name: str, params: Any, timeout: float | None) -> Answer:
        """Send a request and return its response.

        After TimedOut the connection remains usable, unless the request was not sent completely.
        """
        deadline = deadline_of(timeout)
        id = self._send(name, params, timeout)
        try:
            return self._wait(lambda: self._pipeline.pop_response(id), deadline, timeout)
        finally:
            with self._state:
                self._pipeline.forget(id)

    def next_event(self, subscription_id: str) -> "Event":
        """Wait for the next event of a subscription."""
        while True:
            try:
                deadline = deadline_of(MAX_WAIT_SECONDS)
                return self._wait(lambda: self._pipeline.pop_event(subscription_id), deadline, MAX_WAIT_SECONDS)
            except TimedOut:
                continue

    def close_if_ended(self) -> None:
        """Close the connection if the daemon has closed it."""
        if self.lost is None and self._io.has_ended():
            self.close(ConnectionLost("the daemon closed the connection"))

    def close(self, reason: ClientError | None = None) -> None:
        """Close the connection. Threads that use it raise `reason`."""
        with self._state:
            self.lost = self.lost or reason or ConnectionLost("this client is closed")
            self._io.shut_down()
            self._state.notify_all()
        self._close_if_unused()

    def _send(self, name: str, params: Any, timeout: float | None) -> int:
        if not self._sending.acquire(timeout=-1 if timeout is None else timeout):
            raise TimedOut(f"another thread did not finish its request within {timeout} s")
        try:
            self._check()
            with self._state:
                id, line = self._pipeline.new_request(name, params)
            try:
                self._io.send(line, timeout)
            except BaseException:
                # A part of the line may be sent, and the next request would continue it.
                self.close(ConnectionLost("a request was not sent completely"))
                raise
            return id
        finally:
            self._sending.release()
            self._close_if_unused()

    def _wait(self, pop: Callable[[], R | None], deadline: float | None, timeout: float | None) -> R:
        while True:
            with self._state:
                while True:
                    if (found := pop()) is not None:
                        return found
                    self._check()
                    if not self._reading:
                        self._reading = True
                        break
                    if not self._state.wait(None if deadline is None else deadline - time.monotonic()):
                        raise TimedOut(f"no response within {timeout} s")
            self._read(deadline, timeout)

    def _read(self, deadline: float | None, timeout: float | None) -> None:
        try:
            data = self._io.receive(deadline, timeout)
            with self._state:
                self._pipeline.feed(data)
        except TimedOut:
            raise
        except BaseException as error:
            # After an interrupt, received bytes may be missing.
            self.close(error if isinstance(error, ClientError) else None)
            raise
        finally:
            with self._state:
                self._reading = False
                self._state.notify_all()
            self._close_if_unused()

    def _check(self) -> None:
        if self.lost is not None:
            raise type(self.lost)(*self.lost.args)

    def _close_if_unused(self) -> None:
        """Close a lost socket. While a thread uses it, the kernel could give its descriptor to another file."""
        with self._state:
            if self.lost is not None and not self._reading and not self._sending.locked():
                self._io.close()
