"""The connection of a command to the daemon, opened at the first request."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from segue.client.errors import ClientError
from segue.paths import PathOptions, Paths, default_config, from_option_or_env, resolve_paths

if TYPE_CHECKING:  # Loaded with the first request, because a command such as `init` sends none.
    from segue.cli.liveness import LivenessCheck
    from segue.client import Client
    from segue.client.protocol import Answer

R = TypeVar("R")

CONNECT_SECONDS = 20.0
"""Seconds: timeout of a connection. It includes the start of a daemon, which may wait for an old one to stop."""

ANSWER_SECONDS = 10.0
"""Seconds: timeout of a response. After it, the command reports a daemon that is stopped or hangs."""


STARTS = "segued continues to start; run the command again"


class DaemonClient:
    """A lazy client of the daemon that options, environment and configuration select."""

    def __init__(self, options: PathOptions) -> None:
        self.options = options
        self.autostart = True
        """False for a command that must not start a daemon."""
        self._check: LivenessCheck | None = None

    @cached_property
    def paths(self) -> Paths:
        """Return every path and the configuration.

        Raises:
            ConfigError: The configuration is invalid.
        """
        return resolve_paths(self.options)

    @property
    def config_path(self) -> Path:
        """Return the path of the configuration file, without reading it."""
        return from_option_or_env(self.options.config, "SEGUE_CONFIG", os.environ) or default_config()

    @cached_property
    def client(self) -> "Client":
        """Return the connection. The first use connects, and starts a daemon if none serves.

        Raises:
            Unreachable: No daemon serves and none can be started.
        """
        return self._connect(autostart=self.autostart)

    @property
    def is_connected(self) -> bool:
        """Return True if the command has opened a connection."""
        return "client" in self.__dict__

    def exchange(self, name: str, /, **params: Any) -> "Answer":
        """Call a method and return its response; parameters that are None are left out."""
        return self.exchange_raw(name, _given(params))

    def exchange_raw(self, name: str, params: Any) -> "Answer":
        """Call a method with any JSON value as its parameters and return its response.

        Raises:
            ClientError: No response arrived in time, or the daemon hangs.
        """
        try:
            return self.client.exchange(name, params)
        except ClientError:
            if self._check is not None and self._check.failure is not None:
                raise self._check.failure from None
            raise

    def call(self, name: str, kind: type[R], /, **params: Any) -> R:
        """Call a method and return its result as a value of `kind`.

        Raises:
            SegueError: The daemon returned an error.
        """
        return self.exchange(name, **params).decode(kind)

    def pages(
        self, name: str, kind: type[R], /, max_rows: int | None = None, **params: Any
    ) -> Iterator[tuple["Answer", R]]:
        """Yield each response of a list method with its page; parameters that are None are left out."""
        return self.client.exchange_pages(name, kind, _given(params), max_rows)

    def reconnect(self, *, autostart: bool = False) -> None:
        """Close the connection and open another one.

        By default no daemon is started, because a daemon that was stopped should stay stopped.

        Raises:
            Unreachable: No daemon serves.
        """
        self.close()
        self.__dict__["client"] = self._connect(autostart=autostart and self.autostart)

    def close(self) -> None:
        """Close the connection if it is open."""
        if self._check is not None:
            self._check.stop()
        if self.is_connected:
            self.client.close()

    def disable_timeout(self) -> None:
        """Ping the daemon, then wait for later responses as long as the daemon lives, because some take minutes."""
        from segue.cli.liveness import LivenessCheck

        self.client.exchange("daemon.ping")
        self.client.timeout = None
        if self._check is None:
            self._check = LivenessCheck(self.paths, self.client.close)

    @contextmanager
    def show_job(self, job: str, after_interrupt: str, *, quiet: bool = False) -> Iterator[None]:
        """Wait for responses without a timeout, and show how far a job of the daemon is, for the length of a context.

        `after_interrupt` is printed after Ctrl-C.
        """
        from segue.cli.liveness import JobWatch
        from segue.cli.output.progress import ProgressDisplay
        from segue.runtime.progress import Progress

        self.disable_timeout()
        progress = Progress(job)
        watch = JobWatch(self.paths, progress)
        try:
            with ProgressDisplay(progress, after_interrupt, refresh=watch.refresh, quiet=quiet):
                yield
        finally:
            watch.close()

    def _connect(self, *, autostart: bool) -> "Client":
        from segue.client import Client

        if autostart:
            from segue.cli.output.progress import ProgressDisplay
            from segue.runtime.progress import STARTING

            with ProgressDisplay(STARTING, STARTS):
                client = Client.connect(self.paths, timeout=CONNECT_SECONDS)
        else:
            client = Client.connect(self.paths, timeout=CONNECT_SECONDS, autostart=False)
        client.timeout = ANSWER_SECONDS
        client.retry_seconds = 0  # A command fails immediately; `ask` and `tail` retry and report it.
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _given(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters without those that are None; NULL becomes null."""
    from segue.workflows.sessions import NULL

    return {key: None if value is NULL else value for key, value in params.items() if value is not None}


pass_daemon = click.make_pass_decorator(DaemonClient)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the daemon's result as JSON.")
