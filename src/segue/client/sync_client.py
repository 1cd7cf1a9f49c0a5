"""Define the blocking client, for scripts and for the command line."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from segue.client.connect import Target, connection_attempts
from segue.client.errors import ClientError, ConnectionLost, Unreachable
from segue.client.protocol import Answer, arguments, name_of
from segue.client.retry import FOLLOW_PAUSE, RESTART_SECONDS, RETRY_PAUSE, RETRY_SECONDS, can_repeat, may_pass
from segue.client.sync_connection import SyncConnection
from segue.paths import PathOptions, Paths, resolve_paths

if TYPE_CHECKING:
    from segue.client.follow import FollowedMessage, OnLost, Steps
    from segue.events import Event
    from segue.jsonrpc.method import Method

TIMEOUT = 30.0
"""Seconds: for a connection, and for each response. The daemon needs milliseconds."""

P = ParamSpec("P")
R = TypeVar("R")


class Client:
    """A client of the daemon, for any number of threads.

    If the daemon restarts, the client connects again. It repeats reads, imports, and appends with a key, for
    `retry_seconds`. Any other request raises ConnectionLost once, because it may have been executed. The next request
    works.
    """

    def __init__(
        self,
        connected: socket.socket,
        *,
        target: Target | None = None,
        timeout: float | None = TIMEOUT,
        autostart: bool = True,
    ) -> None:
        self.timeout = timeout
        self.retry_seconds = RETRY_SECONDS
        self._target = target
        self._autostart = autostart
        self._connecting = threading.Lock()
        self._connection = SyncConnection(connected, _paths(target))

    @classmethod
    def connect(cls, target: Target | None = None, *, timeout: float | None = TIMEOUT, autostart: bool = True) -> Self:
        """Return a client of the daemon at `target`: the paths of `resolve_paths` (default), or a socket path.

        If no daemon serves the paths, one is started, unless `autostart` or SEGUE_NO_AUTOSTART forbids it.

        Raises:
            Unreachable: no daemon serves, and none may be started.
            NotStarted: the daemon could not be started.
            TimedOut: the daemon accepted no connection within `timeout` seconds.
        """
        target = resolve_paths(PathOptions()) if target is None else target
        connected = _connect(target, timeout, autostart=autostart)
        return cls(connected, target=target, timeout=timeout, autostart=autostart)

    def call(self, method: "Method[Any, P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method of `segue.api` and return its typed result: `client.call(session.get, session_id="…")`."""
        result: R = self.exchange(name_of(method), arguments(args, kwargs)).decode(method.result)
        return result

    def request(self, name: str, params: Any = None) -> Any:
        """Call a method by name and return its result as JSON values. `params` is an object, an array or None."""
        return self.exchange(name, params).decode(object)

    def exchange(self, name: str, params: Any = None) -> Answer:
        """Send a request and return its response: a result or an error.

        After TimedOut the client remains usable.
        """
        deadline = time.monotonic() + (self.retry_seconds if can_repeat(name, params) else 0)
        while True:
            try:
                answer = self._exchange_once(name, params, autostart=self._autostart)
                if not answer.is_shutting_down or time.monotonic() >= deadline:
                    return answer
            except (ConnectionLost, Unreachable) as fault:
                if self._target is None or not may_pass(fault) or time.monotonic() >= deadline:
                    raise
            time.sleep(RETRY_PAUSE)

    def pages(self, method: "Method[Any, P, R]", *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        """Yield all pages of a list method: `client.pages(session.list, status="active")`. `limit` is the page size."""
        for _, page in self.exchange_pages(name_of(method), method.result, arguments(args, kwargs)):
            yield page

    def exchange_pages(
        self, name: str, kind: type[R], params: dict[str, Any], max_rows: int | None = None
    ) -> Iterator[tuple[Answer, R]]:
        """Yield each response of a list method with its decoded page, up to `max_rows` rows in total."""
        from segue.client.paging import Pager

        pager = Pager(name, params, max_rows)
        while (following := pager.next_params()) is not None:
            answer = self.exchange(name, following)
            page = answer.decode(kind)
            pager.add(page)
            yield answer, page

    def events(self, subscription_id: str) -> "Iterator[Event]":
        """Yield the events of a subscription without end.

        `client.events(client.call(events.subscribe, kinds=[…]).subscription_id)`. The client may send requests
        meanwhile. A reader that falls 1000 events behind gets one `reset` event instead of them.

        Raises:
            ConnectionLost: the connection of the subscription ended, or does not have it. `follow` subscribes again.
        """
        connection = self._connection
        while True:
            yield connection.next_event(subscription_id)

    def follow(self, *, on_lost: "OnLost | None" = None, **filters: Any) -> "Iterator[Event]":
        """Yield events without end, also after the daemon restarts. `filters` are those of `events.subscribe`.

        The daemon sends a `reset` event where it no longer has the missed events. The client never starts a daemon
        here. While no daemon serves, it calls `on_lost` with the error once per attempt.
        """
        from segue.client.follow import follow_events

        return self._run(follow_events(filters), on_lost)

    def follow_messages(
        self,
        *,
        session_id: str | None = None,
        working_dir: str | None = None,
        bot_id: str | None = None,
        project: str | None = None,
        after_id: int | None = None,
        live: bool = False,
        on_lost: "OnLost | None" = None,
    ) -> "Iterator[FollowedMessage]":
        """Yield each message after `after_id` (default: the newest) once and in order, also after restarts.

        A message that is being streamed comes when it has ended; with `live` also when it begins and whenever its
        content has grown. Copies that a fork makes are left out. `on_lost` is that of `follow`.
        """
        from segue.client.follow import MessageFilter, follow_messages

        wanted = MessageFilter(session_id, working_dir, bot_id, project)
        return self._run(follow_messages(wanted, after_id, live=live), on_lost)

    def refresh(self) -> None:
        """Let the next request open another connection if the daemon has closed this one.

        So a request that cannot be repeated does not raise ConnectionLost because of an earlier restart.
        """
        self._connection.close_if_ended()

    def close(self) -> None:
        """Close the connection for good. Closing it again has no effect."""
        self._target = None
        self._connection.close()

    def _exchange_once(self, name: str, params: Any, *, autostart: bool) -> Answer:
        connection = self._ready(autostart=autostart)
        answer = connection.exchange(name, params, self.timeout)
        if answer.is_shutting_down and self._target is not None:
            connection.close(ConnectionLost("the daemon is shutting down"))
        return answer

    def _ready(self, *, autostart: bool) -> SyncConnection:
        """Return the connection; open another one if it was lost."""
        with self._connecting:
            if self._connection.lost is not None:
                if self._target is None:
                    raise type(self._connection.lost)(*self._connection.lost.args)
                connected = _connect(self._target, self.timeout, autostart=autostart, grace=RESTART_SECONDS)
                self._connection = SyncConnection(connected, _paths(self._target))
            return self._connection

    def _run(self, steps: "Steps[R]", on_lost: "OnLost | None") -> Iterator[R]:
        """Execute the steps of a follower. All its events come from the connection on which it subscribed."""
        from segue.client.follow import Emit, Exchange, NextEvent

        connection = self._connection
        reply: Any = None
        while True:
            step = steps.throw(reply) if isinstance(reply, ClientError) else steps.send(reply)
            reply = None
            if isinstance(step, Emit):
                yield step.value
                continue
            try:
                if isinstance(step, Exchange):
                    connection = self._ready(autostart=False)
                    reply = connection.exchange(step.name, step.params, self.timeout)
                elif isinstance(step, NextEvent):
                    reply = connection.next_event(step.subscription_id)
                else:
                    connection.close(ConnectionLost("the daemon does not serve"))
                    if on_lost is not None:
                        on_lost(step.fault)
                    time.sleep(FOLLOW_PAUSE)
            except ClientError as fault:
                reply = fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(target: Target, timeout: float | None, *, autostart: bool, grace: float = 0) -> socket.socket:
    for step in connection_attempts(target, timeout, autostart=autostart, grace=grace):
        if isinstance(step, socket.socket):
            return step
        if isinstance(step, Paths):
            from segue.client.autostart.start import (
                start_daemon,  # Loads what starts a process, which is rarely needed.
            )

            return start_daemon(step, timeout)
        time.sleep(step)
    raise AssertionError("unreachable")


def _paths(target: Target | None) -> Paths | None:
    return target if isinstance(target, Paths) else None
