"""The client for scripts and for `segue` itself: blocking, of the standard library's sockets."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from segue.client.connect import Target, backoff_delays, can_autostart, try_connect
from segue.client.errors import TimedOut, Unreachable
from segue.client.protocol import Answer, RequestPipeline, arguments
from segue.client.socket_io import SocketIO, deadline_of
from segue.paths import PathOptions, Paths, resolve_paths

if TYPE_CHECKING:
    from segue.events import Event
    from segue.jsonrpc.method import Method

LOOK_SECONDS = 1.0
"""Of a wait without end: Ctrl-C in the instant before it begins is heeded by Python when it ends, not before."""

TIMEOUT = 30.0
"""Seconds for a connection, and for each answer: a daemon that works needs milliseconds."""

P = ParamSpec("P")
R = TypeVar("R")


class Client:
    """One connection to the daemon, for one thread at a time."""

    def __init__(self, connected: socket.socket, *, timeout: float | None = TIMEOUT) -> None:
        self.timeout = timeout
        self._line = SocketIO(connected)
        self._pipeline = RequestPipeline()

    @classmethod
    def connect(cls, where: Target | None = None, *, timeout: float | None = TIMEOUT, autostart: bool = True) -> Self:
        """A client of the daemon that serves `where`: the paths of `resolve_paths` (default), or a socket's path.

        If nobody serves the places, a daemon is started in the background, unless `autostart` or SEGUE_NO_AUTOSTART
        forbids it: NotStarted says why it could not. Raises Unreachable at once if nobody serves and none is started,
        and TimedOut after `timeout` seconds of a full backlog.
        """
        where = resolve_paths(PathOptions()) if where is None else where
        waits = backoff_delays(where, timeout)
        try:
            while (connected := try_connect(where)) is None:
                time.sleep(next(waits))
        except Unreachable as fault:
            if not (autostart and can_autostart(where, fault)):
                raise
            from segue.client.autostart import start_daemon  # with what starts a process, which is not needed often

            connected = start_daemon(where, timeout)
        client = cls(connected, timeout=timeout)
        client._line = SocketIO(connected, where if isinstance(where, Paths) else None)
        return client

    def call(self, method: "Method[Any, P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
        """The typed result of a method of `segue.api`: `client.call(session.get, session_id="…")`."""
        result: R = self.exchange(method.name, arguments(args, kwargs)).decode(method.result)
        return result

    def request(self, name: str, params: Any = None) -> Any:
        """The result of the method of that name as plain JSON values; `params` is an object, an array or None."""
        return self.exchange(name, params).decode(object)

    def exchange(self, name: str, params: Any = None) -> Answer:
        """The answer as it came, be it a result or an error.

        After TimedOut the client can be used on, unless the request itself could not be sent in time.
        """
        deadline = deadline_of(self.timeout)
        id, request = self._pipeline.ask(name, params)
        self._line.send(request, self.timeout)
        try:
            while (answer := self._pipeline.take(id)) is None:
                self._pipeline.feed(self._line.receive(deadline, self.timeout))
        except TimedOut:
            self._pipeline.abandon(id)
            raise
        except BaseException:
            self.close()
            raise
        return answer

    def events(self, subscription_id: str) -> "Iterator[Event]":
        """The events of a subscription as they come, without end; each waits as long as it takes.

        `client.events(client.call(events.subscribe, kinds=[…]).subscription_id)`. The client may ask in between:
        what comes meanwhile is kept. Raises ConnectionLost when the daemon leaves.
        """
        while True:
            try:
                while (event := self._pipeline.take_event(subscription_id)) is None:
                    with suppress(TimedOut):
                        self._pipeline.feed(self._line.receive(deadline_of(LOOK_SECONDS), LOOK_SECONDS))
            except BaseException:
                self.close()
                raise
            yield event

    def close(self) -> None:
        """Close the connection; closing twice is once."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
