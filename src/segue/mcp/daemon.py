"""The connection of the MCP server to the daemon."""

import threading
from typing import Any, TypeVar

from segue.client import Client, ConnectionLost
from segue.paths import PathOptions, resolve_paths
from segue.workflows.sessions import NULL

R = TypeVar("R")

CONNECT_SECONDS = 20.0
"""Seconds: timeout of a connection. It includes the start of a daemon."""

ANSWER_SECONDS = 30.0
"""Seconds: timeout of a response. The daemon ends a slow search before."""

SAFE_TO_REPEAT = frozenset({"memory.save", "memory.delete"})
"""Writes that have the same effect when they are executed twice: the daemon stores the same fact once."""


class Daemon:
    """A client of the daemon for all threads, connected at the first request.

    So an agent that never uses segue starts no daemon, and one that cannot be started is an error of a request.
    """

    def __init__(self, options: PathOptions) -> None:
        self._options = options
        self._connecting = threading.Lock()
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """Return the connection.

        Raises:
            StartError: A path or the configuration is wrong.
            Unreachable: No daemon serves and none can be started.
        """
        with self._connecting:
            if self._client is None:
                self._client = Client.connect(resolve_paths(self._options), timeout=CONNECT_SECONDS)
                self._client.timeout = ANSWER_SECONDS
            return self._client

    def call(self, name: str, kind: type[R], /, **params: Any) -> R:
        """Call a method and return its result as a value of `kind`. Parameters that are None are left out.

        Raises:
            SegueError: The daemon returned an error.
            ClientError: No response arrived.
        """
        given = {key: None if value is NULL else value for key, value in params.items() if value is not None}
        try:
            return self.client.exchange(name, given).decode(kind)
        except ConnectionLost:
            if name not in SAFE_TO_REPEAT:
                raise
            return self.client.exchange(name, given).decode(kind)

    def close(self) -> None:
        """Close the connection if it is open."""
        with self._connecting:
            if self._client is not None:
                self._client.close()
