"""A check that the daemon still responds while a command waits for a long request."""

import threading
from collections.abc import Callable

from segue.client import Client, ClientError
from segue.paths import Paths

CHECK_SECONDS = 10.0
"""Seconds: pause between two checks, and timeout of each. A daemon that works responds in milliseconds."""


class LivenessCheck:
    """A background thread that pings the daemon on a connection of its own.

    The connection of the request cannot be used for it, because the daemon answers requests in their order.
    """

    def __init__(self, paths: Paths, on_failure: Callable[[], None]) -> None:
        self.failure: ClientError | None = None
        """The error of the check that failed."""
        self._paths = paths
        self._on_failure = on_failure
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """End the thread at its next check."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(CHECK_SECONDS):
            try:
                with Client.connect(self._paths, timeout=CHECK_SECONDS, autostart=False) as client:
                    client.retry_seconds = 0
                    client.exchange("daemon.ping")
            except ClientError as error:
                self.failure = error
                return self._on_failure()
        return None
