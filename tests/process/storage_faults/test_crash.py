"""An answered write survives `kill -9`; an unanswered one is stored completely or not at all."""

import json
import os
import random
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.counters import ANSWERED, tried
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wal import wait_until_wal_was_emptied
from tests.support.wire import Wire

CLIENTS = 4
GROUP = 3
"""Messages of one append_many, which are stored all or none."""


class Client:
    """A client that appends to its own session, and retries with the same keys after the daemon was killed."""

    def __init__(self, number: int, segued: Segued) -> None:
        self.session = f"client-{number}"
        self.answered: dict[str, int] = {}
        """The message ID of each answered key."""
        self.sent = 0
        self._segued = segued
        self._pending: list[dict[str, Any]] = []
        """The messages that were sent and perhaps stored, but not answered."""
        self._held: dict[str, int] = {}
        self._seen = 0

    def work(self) -> None:
        """Append until the daemon is killed."""
        try:
            with Wire(self._segued.socket) as wire:
                while True:
                    self._append(wire, self._pending or self._next())
        except (OSError, EOFError):
            return

    def _next(self) -> list[dict[str, Any]]:
        self.sent += 1
        size = GROUP if self.sent % 2 else 1
        text = "x" * (self.sent * 997 % 6000)
        return [{"role": "user", "content": text, "key": f"{self.sent}.{index}"} for index in range(size)]

    def _append(self, wire: Wire, messages: list[dict[str, Any]]) -> None:
        self._pending = messages
        if len(messages) > 1:
            ids = wire.call("message.append_many", session_id=self.session, messages=messages)["message_ids"]
        else:
            ids = [wire.call("message.append", session_id=self.session, **messages[0])["message_id"]]
        self._pending = []
        self.answered.update({message["key"]: id for message, id in zip(messages, ids, strict=True)})

    def check(self, wire: Wire) -> None:
        """Fail unless the session has every answered message once, and the pending ones all or not at all."""
        has_more = True
        while has_more:
            page = wire.call("message.list", session_id=self.session, after_id=self._seen, limit=10000)
            has_more = page["has_more"]
            for message in page["messages"]:
                assert message["key"] not in self._held, "stored twice"
                self._held[message["key"]] = self._seen = message["id"]
        assert wire.call("message.count", session_id=self.session) == {"count": len(self._held)}
        assert {key: id for key, id in self._held.items() if key in self.answered} == self.answered
        others = set(self._held) - set(self.answered)
        assert others in (set(), {message["key"] for message in self._pending}), "stored in part"

    def check_all(self, wire: Wire) -> None:
        """Do the same for every message, not only for those since the last check."""
        self._held, self._seen = {}, 0
        self.check(wire)


def answered(clients: list[Client]) -> int:
    return sum(len(client.answered) for client in clients)


def test_kills_under_load_lose_and_duplicate_no_answered_message(segued: Segued, kills: int) -> None:
    rng = random.Random(42)
    clients = [Client(number, segued) for number in range(CLIENTS)]
    with segued.start().connect() as wire:
        for client in clients:
            wire.call("session.create", id=client.session)
    for _ in range(kills):
        threads = [threading.Thread(target=client.work) for client in clients]
        for thread in threads:
            thread.start()
        goal = answered(clients) + rng.randrange(60)
        wait_until(lambda goal=goal: answered(clients) >= goal)  # type: ignore[misc]
        assert segued.kill() == -signal.SIGKILL
        tried("kills of the daemon, under load or while it starts")
        for thread in threads:
            thread.join()
        with segued.start().connect() as wire:
            for client in clients:
                client.check(wire)
            assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    with segued.connect() as wire:
        for client in clients:
            client.check_all(wire)
    assert answered(clients) >= kills * CLIENTS
    tried(ANSWERED, answered(clients))


def wal_bytes(segued: Segued) -> int:
    wal = segued.database.with_name("sessions.db-wal")
    return wal.stat().st_size if wal.exists() else 0


MOMENTS: dict[str, Callable[[Segued], bool]] = {
    "the lock is taken": lambda segued: segued.database.with_name("sessions.db.lock").exists(),
    "the file is created": lambda segued: segued.database.exists(),
    "SQLite writes": lambda segued: (
        segued.database.with_name("sessions.db-wal").exists()
        or segued.database.with_name("sessions.db-journal").exists()
    ),
    "the schema is written": lambda segued: wal_bytes(segued) > 10 * 4096,
    "the socket exists": lambda segued: segued.socket.exists(),
    "the record exists": lambda segued: segued.record.exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_during_the_start_the_next_daemon_serves(segued: Segued, moment: str) -> None:
    for _ in range(3):
        segued.launch()
        wait_until(lambda: MOMENTS[moment](segued))
        assert segued.kill() == -signal.SIGKILL, segued.log
        tried("kills of the daemon, under load or while it starts")
        with segued.start().connect() as wire:
            assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
            assert [bot["id"] for bot in wire.call("bot.list")["bots"]] == ["default"]
        assert segued.stop() == 0
        shutil.rmtree(segued.database.parent)
        shutil.rmtree(segued.socket.parent)


def test_a_daemon_killed_during_its_drain_loses_no_answered_message(segued: Segued) -> None:
    for life in range(5):
        with segued.start().connect() as wire:
            wire.call("session.create", id=f"s{life}")
            for index in range(200):
                wire.post("message.append", session_id=f"s{life}", role="user", content=str(index))
            os.kill(segued.pid, signal.SIGTERM)
            wait_until(lambda: not segued.socket.exists())
            os.kill(segued.pid, signal.SIGKILL)
            count = count_answers(wire)
        segued.wait()
        with segued.start().connect() as wire:
            assert wire.call("message.count", session_id=f"s{life}")["count"] >= count
            assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        assert segued.kill() == -signal.SIGKILL


def count_answers(wire: Wire) -> int:
    """Return how many appends were answered before the connection ended."""
    count = 0
    try:
        while (line := wire.line()) is not None:
            assert "result" in json.loads(line)
            count += 1
    except (ConnectionResetError, ConnectionAbortedError):
        return count
    return count


def test_a_wal_with_a_damaged_end_gives_an_earlier_state(segued: Segued, tmp_path: Path) -> None:
    """A power failure may tear the last pages of the WAL. The synced pages before them are whole."""
    rng = random.Random(7)
    with segued.start().connect() as wire:
        wait_until_wal_was_emptied(wire)
        wire.call("session.create", id="s")
        for index in range(50):
            wire.call("message.append", session_id="s", role="user", content=f"{index} " + "x" * 3000)
        segued.kill()
    wal = segued.database.with_name("sessions.db-wal")
    base, log = segued.database.read_bytes(), wal.read_bytes()
    counts = []
    for cut in sorted(rng.sample(range(len(log)), 12)):
        segued.database.write_bytes(base)
        wal.write_bytes(log[:cut] + os.urandom(min(4096, len(log) - cut)))
        wal.chmod(0o600)
        segued.database.with_name("sessions.db-shm").unlink(missing_ok=True)
        segued.start()
        with segued.connect() as wire:
            assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        with sqlite3.connect(segued.database) as connection:
            counts.append(connection.execute("SELECT count(*) FROM messages").fetchone()[0])
        connection.close()
        segued.stop()
    assert counts == sorted(counts)
    assert len(set(counts)) > 5
