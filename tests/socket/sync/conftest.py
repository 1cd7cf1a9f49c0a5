"""Two machines in one process, each with a daemon, and a folder as their hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from segue.config import Config, SyncConfig
from segue.server.jobs.sync import SyncJob
from segue.store.sync.wire import encode
from segue.sync.keys import parse_line
from segue.sync.sealing import open_batch
from segue.sync.transports.transport import Batch
from tests.support.inprocess import Server, run_server
from tests.support.wire import Wire

HEADER_BYTES = 36
"""Bytes of a file of the folder before the sealed body."""


class Machine(NamedTuple):
    """One machine: its daemon, and a client of it."""

    server: Server
    wire: Wire

    def say(self, session_id: str, text: str, role: str = "user") -> int:
        return int(self.wire.call("message.append", session_id=session_id, role=role, content=text)["message_id"])

    def sync(self, **params: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.wire.call("sync.run", **params)
        return result

    def texts(self, session_id: str) -> list[str]:
        page = self.wire.call("message.list", session_id=session_id)
        return [message["content"] for message in page["messages"]]

    def sessions(self) -> dict[str, Any]:
        return {one["id"]: one for one in self.wire.call("session.list", limit=1000)["sessions"]}


class Pair(NamedTuple):
    """Two machines of one account."""

    desk: Machine
    lap: Machine
    hub: Path
    invitation: str

    def sync(self) -> None:
        """Bring both up to date."""
        for machine in (self.desk, self.lap, self.desk):
            assert machine.sync()["problems"] == []

    def batches(self) -> list[Path]:
        """Return the files of all batches at the hub."""
        return sorted(self.hub.glob("*/*/??????????"))

    def words_at_hub(self) -> bytes:
        """Return the plain content of everything at the hub."""
        key = parse_line(self.invitation)
        files = [(path, path.read_bytes()[HEADER_BYTES:]) for path in self.batches()]
        batches = [Batch(path.parent.name, int(path.name), b"", body) for path, body in files]
        return b"".join(encode(open_batch(key, batch)) for batch in batches)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a configuration, and have rounds run only on request: a test may take longer than the pause before one."""

    async def wait_forever(*_: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(SyncJob, "_wait", wait_forever)
    return Config(sync=SyncConfig(interval_seconds=1_000_000))


@pytest.fixture
def desk(tmp_path: Path, quiet: Config, caplog: pytest.LogCaptureFixture) -> Iterator[Machine]:
    with run_server(tmp_path / "desk", quiet, caplog) as server:
        yield Machine(server, server.connect())


@pytest.fixture
def lap(tmp_path: Path, quiet: Config, caplog: pytest.LogCaptureFixture) -> Iterator[Machine]:
    with run_server(tmp_path / "lap", quiet, caplog) as server:
        yield Machine(server, server.connect())


@pytest.fixture
def pair(tmp_path: Path, desk: Machine, lap: Machine) -> Pair:
    hub = tmp_path / "hub"
    invitation = desk.wire.call("sync.init", url=str(hub), name="desk")["invitation"]
    desk.sync()
    lap.wire.call("sync.join", url=str(hub), invitation=invitation, name="lap")
    lap.sync()
    return Pair(desk, lap, hub, invitation)
