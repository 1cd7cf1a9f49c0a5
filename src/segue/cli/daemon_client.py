"""The daemon as a command sees it: found and connected when it is first asked something."""

from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

import click

from segue.client import Client
from segue.client.protocol import Answer
from segue.paths import PathOptions, Paths, resolve_paths

R = TypeVar("R")

CONNECT_SECONDS = 20.0
"""For a connection, and before it for a daemon to be started, perhaps after the one before it has left."""

ANSWER_SECONDS = 10.0
"""For each answer; a daemon that is stopped or hangs is told of, not waited for."""


class Daemon:
    """The daemon that options, environment and configuration lead to."""

    def __init__(self, overrides: PathOptions) -> None:
        self._overrides = overrides
        self.autostart = True
        """Whether to start a daemon where none serves; a command that is about to stop it would not."""

    @cached_property
    def paths(self) -> Paths:
        """Every path and the configuration; raises ConfigError for a wrong one."""
        return resolve_paths(self._overrides)

    @cached_property
    def client(self) -> Client:
        """The connection, to a daemon that is started if nobody serves; raises Unreachable if none can be."""
        return self._connect(autostart=self.autostart)

    def answer(self, name: str, /, **params: Any) -> Answer:
        """The answer of a method, to be printed as it is or decoded; what is None is left out."""
        return self.client.exchange(name, {key: value for key, value in params.items() if value is not None})

    def ask(self, name: str, kind: type[R], /, **params: Any) -> R:
        """The result of a method as a value of `segue.models`; an error of the daemon is raised."""
        return self.answer(name, **params).decode(kind)

    def reconnect(self, *, autostart: bool = False) -> None:
        """Connect anew to a daemon that serves; raises Unreachable if none does: one that was stopped stays so.

        With `autostart` one is started, as at the first connection.
        """
        self.close()
        self.__dict__["client"] = self._connect(autostart=autostart and self.autostart)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "client" in self.__dict__:
            self.client.close()

    def disable_timeout(self) -> None:
        """Wait for the next answers however long they take, once it is known to answer: a whole file takes minutes."""
        self.client.exchange("daemon.ping")
        self.client.timeout = None

    def _connect(self, *, autostart: bool) -> Client:
        client = Client.connect(self.paths, timeout=CONNECT_SECONDS, autostart=autostart)
        client.timeout = ANSWER_SECONDS
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


pass_daemon = click.make_pass_decorator(Daemon)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the daemon's result as it is.")
