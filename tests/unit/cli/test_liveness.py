"""A long request ends when the daemon hangs, and only then."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from segue.cli import liveness
from segue.cli.daemon_client import DaemonClient
from segue.client import ClientError
from segue.paths import PathOptions

PINGS = 4
"""Pings during the long request of a living daemon, and the first one."""


class Daemon:
    """A server that answers the first ping, and later pings only if `lives`; a check takes until PINGS have come."""

    def __init__(self, path: Path, *, lives: bool) -> None:
        self._lives = lives
        self._pings = 0
        self._pinged = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            self._answer(connection, lines)

    def _answer(self, connection: socket.socket, lines: BinaryIO) -> None:
        for line in lines:
            request = json.loads(line)
            self._pings += request["method"] == "daemon.ping"
            if self._pings >= PINGS:
                self._pinged.set()
            if not self._lives and (self._pings > 1 or request["method"] != "daemon.ping"):
                continue
            if request["method"] != "daemon.ping":
                self._pinged.wait()
            with suppress(BrokenPipeError):
                connection.sendall(
                    json.dumps({"jsonrpc": "2.0", "result": "done", "id": request["id"]}).encode() + b"\n"
                )


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DaemonClient]:
    monkeypatch.setattr(liveness, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("HOME", str(tmp_path))
    with DaemonClient(PathOptions(socket=str(tmp_path / "s"), database=str(tmp_path / "d"))) as client:
        yield client


def test_a_slow_request_of_a_living_daemon_is_waited_for(client: DaemonClient, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "s", lives=True)
    client.disable_timeout()
    assert client.call("daemon.check", str) == "done"
    daemon.listener.close()


def test_a_request_to_a_daemon_that_hangs_ends_with_an_error(
    client: DaemonClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "RESPONSE_SECONDS", 0.1)
    daemon = Daemon(tmp_path / "s", lives=False)
    client.disable_timeout()
    with pytest.raises(ClientError, match=r"within 0.1 s"):
        client.exchange("daemon.check")
    daemon.listener.close()
