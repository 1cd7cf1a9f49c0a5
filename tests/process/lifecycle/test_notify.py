"""The notifications to a service manager: ready, alive while the database answers, and stopping."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from segue.server.process.sd_notify import Notifier, find_notifier
from segue.store.engine.tx import Tx
from segue.store.store import open_store
from segue.timestamps import wall_ms
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire


class Manager:
    """The socket that NOTIFY_SOCKET names."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.socket.settimeout(TIMEOUT_SECONDS)

    def word(self) -> dict[str, str]:
        """Return the next datagram."""
        lines = self.socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def rest(self) -> list[dict[str, str]]:
        """Return the unread datagrams after the daemon has exited."""
        self.socket.settimeout(0)
        found = []
        while True:
            try:
                found.append(self.word())
            except BlockingIOError:
                return found


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "a path" else f"@segue-test-{os.getpid()}"
    found = Manager(address)
    yield found
    found.socket.close()


def environment(segued: Segued, manager: Manager, **more: str) -> dict[str, str]:
    return {**segued.environment, "NOTIFY_SOCKET": manager.address, **more}


def test_the_manager_gets_ready_and_stopping(segued: Segued, manager: Manager) -> None:
    segued.launch(env=environment(segued, manager))
    ready = manager.word()
    assert ready["READY"] == "1"
    assert str(segued.socket) in ready["STATUS"]
    with Wire(segued.socket) as wire:
        assert wire.call("daemon.ping") == "pong"
        assert wire.call("daemon.shutdown") == {}
    assert segued.wait() == 0
    [stopping] = manager.rest()
    assert stopping["STOPPING"] == "1"


def test_a_daemon_that_cannot_start_sends_nothing(segued: Segued, manager: Manager) -> None:
    segued.database.parent.mkdir(mode=0o700)
    segued.database.write_text("Dear diary")
    assert segued.fail(env=environment(segued, manager))[0] == 1
    assert manager.rest() == []
    segued.database.unlink()


def test_the_watchdog_is_fed_repeatedly(segued: Segued, manager: Manager) -> None:
    segued.start(env=environment(segued, manager, WATCHDOG_USEC="100000", WATCHDOG_PID=""))
    assert manager.word()["READY"] == "1"
    assert [manager.word() for _ in range(5)] == [{"WATCHDOG": "1"}] * 5
    assert segued.stop() == 0
    assert {"STOPPING", "STATUS"} in [set(word) for word in manager.rest()]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
def test_a_watchdog_of_another_process_is_not_fed(segued: Segued, tmp_path: Path, variables: dict[str, str]) -> None:
    manager = Manager(str(tmp_path / "notify"))
    with manager.socket:
        segued.start(env=environment(segued, manager, **variables))
        wire = segued.connect()
        for _ in range(20):
            wire.call("daemon.status")
        segued.stop()
        assert [set(word) for word in manager.rest()] == [{"READY", "STATUS"}, {"STOPPING", "STATUS"}]


@pytest.mark.parametrize("address", ["/nowhere/notify", "relative", "vsock:2:1234", "@", "/" + "x" * 200, ""])
def test_the_daemon_serves_although_the_manager_is_unreachable(segued: Segued, address: str) -> None:
    segued.start(env={**segued.environment, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "100000"})
    assert segued.connect().call("daemon.ping") == "pong"


def test_a_manager_with_a_full_queue_does_not_block_the_daemon(segued: Segued, tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    with manager.socket:
        segued.start(env=environment(segued, manager, WATCHDOG_USEC="2000"))
        wire = segued.connect()
        for _ in range(200):  # The queue holds a few hundred datagrams at most.
            assert wire.call("daemon.ping") == "pong"
        os.kill(segued.pid, signal.SIGTERM)
        assert segued.wait() == 0


async def test_the_watchdog_is_not_fed_while_the_database_hangs(tmp_path: Path, anyio_backend: object) -> None:
    manager = Manager(str(tmp_path / "notify"))
    reading, writing = os.pipe()

    def hang(_: Tx) -> None:
        os.read(reading, 1)

    with manager.socket:
        async with open_store(tmp_path / "data" / "a.db", clock=wall_ms) as store, anyio.create_task_group() as tasks:
            tasks.start_soon(store.write, hang)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(Notifier(manager.address, 0.02).feed_watchdog, store)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(TimeoutError):
                await anyio.to_thread.run_sync(hear, manager, 0.5)
            os.write(writing, b"x")
            assert await anyio.to_thread.run_sync(hear, manager, TIMEOUT_SECONDS) == {"WATCHDOG": "1"}
            tasks.cancel_scope.cancel()
    os.close(reading)
    os.close(writing)


def hear(manager: Manager, seconds: float) -> dict[str, str]:
    manager.socket.settimeout(seconds)
    return manager.word()


def test_the_variables_are_removed_from_the_environment() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "5", "WATCHDOG_PID": "1", "HOME": "/"}
    assert find_notifier(environ).watchdog_seconds is None
    assert environ == {"HOME": "/"}
    assert find_notifier({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "5000000"}).watchdog_seconds == 5
