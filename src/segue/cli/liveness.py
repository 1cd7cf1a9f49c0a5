"""Checks of the daemon while a command waits for a long request: whether it responds, and how far it is."""

import threading
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from segue.client import Client, ClientError
from segue.errors import SegueError
from segue.paths import Paths
from segue.runtime.progress import Progress
from segue.status_results import JobStatus

PAUSE_SECONDS = 10.0
"""Seconds between two checks."""

RESPONSE_SECONDS = 10.0
"""Seconds: the timeout of each check. A daemon that works responds in milliseconds."""


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
        while not self._stopped.wait(PAUSE_SECONDS):
            try:
                with Client.connect(self._paths, timeout=RESPONSE_SECONDS, autostart=False) as client:
                    client.retry_seconds = 0
                    client.exchange("daemon.ping")
            except ClientError as error:
                self.failure = error
                return self._on_failure()
        return None


class _Status(Struct):
    """The part of `daemon.status` that has the progress of its jobs."""

    jobs: list[JobStatus] = []


class JobWatch:
    """A watch that copies the state of a job of the daemon to a progress, over its own connection."""

    def __init__(self, paths: Paths, progress: Progress) -> None:
        self._paths = paths
        self._progress = progress
        self._client: Client | None = None

    def refresh(self) -> None:
        """Ask the daemon how far the job is; leave the progress if it does not run or the daemon does not answer."""
        with suppress(ClientError, SegueError):
            if self._client is None:
                self._client = Client.connect(self._paths, timeout=RESPONSE_SECONDS, autostart=False)
                self._client.retry_seconds = 0
            status = self._client.exchange("daemon.status").decode(_Status)
            for job in status.jobs:
                if job.job == self._progress.job:
                    return self._progress.set(job.step, job.done, job.total, job.unit)
        return None

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
