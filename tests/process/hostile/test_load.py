"""Eight clients call all methods concurrently for `--load-seconds`."""

import random
import threading
import time

import pytest

from segue.errors import SegueError
from tests.support.counters import ANSWERED, tried
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import Wire

CLIENTS = 8


class Client:
    """A client with its own random generator, which checks every result."""

    def __init__(self, number: int, segued: Segued) -> None:
        self.rng = random.Random(number)
        self.directory = f"/work/{number % 3}"
        self.session = f"load-{number}"
        self.appended = 0
        self.calls = 0
        self.failure: Exception | None = None
        self._segued = segued

    def run(self, end: float) -> None:
        """Run until END and keep a failure."""
        steps = [self.append] * 6 + [self.append_many, self.shared, self.page, self.list, self.count, self.short_lived]
        try:
            with Wire(self._segued.socket) as wire:
                wire.call("session.create", id=self.session)
                while time.monotonic() < end:
                    self.rng.choice(steps)(wire)
                    self.calls += 1
                assert wire.call("message.count", session_id=self.session) == {"count": self.appended}
        except Exception as failure:  # noqa: BLE001 - the test raises it
            self.failure = failure

    def text(self) -> str:
        return "word " * self.rng.choice((1, 10, 100, 2000))

    def append(self, wire: Wire) -> None:
        key = f"{self.session}.{self.appended}"
        first = wire.call("message.append", session_id=self.session, role="user", content=key, key=key)
        if self.rng.random() < 0.1:
            again = wire.call("message.append", session_id=self.session, role="user", content=key, key=key)
            assert again == {**first, "duplicate": True}
        self.appended += 1

    def append_many(self, wire: Wire) -> None:
        messages = [{"role": "assistant", "content": self.text()} for _ in range(self.rng.randint(1, 20))]
        ids = wire.call("message.append_many", session_id=self.session, messages=messages)["message_ids"]
        assert ids == sorted(ids)
        self.appended += len(messages)

    def shared(self, wire: Wire) -> None:
        stored = wire.call("message.append", working_dir=self.directory, role="user", content=self.text())
        assert wire.call("message.get", message_id=stored["message_id"])["session_id"] == stored["session_id"]

    def page(self, wire: Wire) -> None:
        page = wire.call("message.list", session_id=self.session, limit=self.rng.randint(1, 50), order="desc")
        ids = [message["id"] for message in page["messages"]]
        assert ids == sorted(ids, reverse=True)

    def list(self, wire: Wire) -> None:
        assert wire.call("session.list", working_dir=self.directory)["total"] <= 1

    def count(self, wire: Wire) -> None:
        assert wire.call("message.count", session_id=self.session) == {"count": self.appended}

    def short_lived(self, wire: Wire) -> None:
        session = wire.call("session.create", name="short_lived")["id"]
        wire.call("message.append_many", session_id=session, messages=[{"role": "user", "content": self.text()}] * 5)
        assert wire.call("session.delete", session_id=session) == {"deleted": True}
        with pytest.raises(SegueError, match="no session"):
            wire.call("session.get", session_id=session)


def test_eight_concurrent_clients_leave_no_error_and_a_sound_file(segued: Segued, load_seconds: float) -> None:
    segued.start()
    clients = [Client(number, segued) for number in range(CLIENTS)]
    end = time.monotonic() + load_seconds
    threads = [threading.Thread(target=client.run, args=(end,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [client.failure for client in clients] == [None] * CLIENTS
    with segued.connect() as wire:
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        wait_until(lambda: wire.call("daemon.status")["queue_depth"] == 0)  # the indexer still writes
        status = wire.call("daemon.status")
        assert status["clients"] == 1
        assert status["requests"] >= sum(client.calls for client in clients)
        counts = [wire.call("message.count", session_id=client.session)["count"] for client in clients]
        assert counts == [client.appended for client in clients]
    tried("seconds of load by eight clients", round(load_seconds))
    tried(ANSWERED, sum(counts))
    assert segued.stop() == 0
    assert [line for line in segued.log if " ERROR " in line or (" WARNING " in line and "config" not in line)] == []
