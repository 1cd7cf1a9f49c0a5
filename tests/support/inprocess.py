"""The real server in a thread of the test process, with a clock that the test sets."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from segue.config import Config
from segue.paths import Paths
from segue.server.daemon import serve
from segue.server.process.signals import Shutdown
from segue.store.engine.rows import reported_rows
from tests.support.clock import HandClock
from tests.support.leak_check import check_secrecy
from tests.support.wire import TIMEOUT_SECONDS, Wire


class Server:
    """A server that can be stopped and started again on the same files."""

    def __init__(self, folder: Path, portal: BlockingPortal, clock: HandClock, config: Config) -> None:
        self.clock = clock
        self.config = config
        self.database = folder / "data" / "sessions.db"
        self.socket = folder / "run" / "segued.sock"
        self._portal = portal
        self.wires: list[Wire] = []
        self._running: Future[Any] | None = None
        self._stop: Shutdown | None = None

    @property
    def paths(self) -> Paths:
        return Paths(self.config, Path("/none.toml"), self.database, self.socket, socket_explicit=True)

    def start(self, config: Config | None = None) -> None:
        """Return when the server answers; raise the error of a failed start."""
        self.config = config or self.config
        reported_rows.clear()  # Of the daemon before, which was in this process too.
        ready = Event()
        self._stop = self._portal.call(Shutdown)
        self._running = self._portal.start_task_soon(self._serve, self._stop, ready)
        self._running.add_done_callback(lambda _: ready.set())
        assert ready.wait(TIMEOUT_SECONDS), "the server did not get ready"
        if self._running.done():
            self._running.result()

    def begin_stop(self) -> None:
        """Request the shutdown without waiting for it."""
        assert self._stop is not None
        self._portal.call(self._stop.requested.set)

    def has_left(self) -> bool:
        """Return True if the server has stopped for any reason."""
        return self._running is None or self._running.done()

    def stop(self) -> None:
        """Shut down, and raise the error that stopped the server, if any."""
        if self._stop is None or self._running is None:
            return
        self._portal.call(self._stop.requested.set)
        running, self._running, self._stop = self._running, None, None
        for wire in self.wires:
            wire.close()
        running.result(TIMEOUT_SECONDS)

    def restart(self, config: Config | None = None) -> None:
        self.stop()
        self.start(config)

    def connect(self) -> Wire:
        wire = Wire(self.socket)
        self.wires.append(wire)
        return wire

    async def _serve(self, stop: Shutdown, ready: Event) -> None:
        await serve(self.paths, stop, clock=self.clock.wall, monotonic=self.clock.monotonic, on_ready=ready.set)


@contextmanager
def run_server(folder: Path, config: Config, log: pytest.LogCaptureFixture) -> Iterator[Server]:
    """Start a server, and stop it at the end. An error in its log fails the test."""
    with start_blocking_portal(backend_options={"use_uvloop": True}) as portal:
        server = Server(folder, portal, HandClock(), config)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    errors = [record.getMessage() for record in log.records if record.levelname in ("ERROR", "CRITICAL")]
    assert not errors, errors
    lines = [f"{record.levelname} {record.getMessage()}\n" for record in log.records]
    check_secrecy([f" {line}" for line in lines], [wire.said for wire in server.wires], str(folder))
