"""The long jobs that `daemon.status` shows while they run."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from segue.store.maintenance import backup, database_status, integrity, scrub
from segue.store.records import retention
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

Jobs = list[dict[str, Any]]


class Stop:
    """A function that waits until the test has looked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.reached, self.looked = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        assert self.looked.wait(TIMEOUT_SECONDS)
        return self._function(*args, **kwargs)


@pytest.fixture
def seen(server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jobs]]:
    """Return the jobs of the status while a method is at a function."""

    def look(module: Any, name: str, method: str, **params: Any) -> Jobs:
        stop = Stop(getattr(module, name))
        monkeypatch.setattr(module, name, stop)
        if module is integrity:
            monkeypatch.setitem(integrity.FULL, "references", stop)
        thread = threading.Thread(target=lambda: wire.call(method, **params))
        thread.start()
        assert stop.reached.wait(TIMEOUT_SECONDS)
        with server.connect() as other:
            jobs: Jobs = other.call("daemon.status")["jobs"]
        stop.looked.set()
        thread.join(TIMEOUT_SECONDS)
        return jobs

    wire.call("session.create", id="s")
    wire.call("message.append", session_id="s", role="user", content="one")
    yield look
    with server.connect() as other:
        assert other.call("daemon.status")["jobs"] == []


def test_a_check_says_which_check_it_is_at(seen: Callable[..., Jobs]) -> None:
    jobs = seen(integrity, "_references", "daemon.check", full=True)
    assert jobs == [{"job": "check", "step": "references", "done": 2, "total": 7, "unit": "checks"}]


def test_a_backup_says_how_much_is_copied(seen: Callable[..., Jobs], tmp_path: Path) -> None:
    [job] = seen(backup, "_vacuum_into", "daemon.backup", path=str(tmp_path / "b.db"))
    assert (job["job"], job["step"], job["unit"], job["done"]) == ("backup", "copying", "bytes", 0)
    assert job["total"] > 4096


def test_a_scrub_counts_rows(seen: Callable[..., Jobs]) -> None:
    [job] = seen(scrub, "find_secrets", "daemon.scrub")
    assert job == {"job": "scrub", "step": "searching", "done": 0, "total": 3, "unit": "rows"}


def test_a_cleanup_counts_sessions(seen: Callable[..., Jobs], server: Server) -> None:
    server.clock.pass_time(40 * 86_400_000)
    jobs = seen(retention, "delete_if_unused", "session.cleanup")
    assert jobs == [
        {"job": "cleanup", "step": "deleting old sessions", "done": 0, "total": 1, "unit": "sessions"},
    ]


def test_messages_that_are_to_be_indexed_and_counted_are_jobs(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_status, "FEW_MESSAGES", -1)
    wire.call("session.create", id="s")
    for number in range(3):
        wire.call("message.append", session_id="s", role="user", content=f"message {number}")
    wire.call("message.search", query="message")  # Indexes them first
    assert wire.call("daemon.status")["jobs"] == [
        {"job": "index", "step": "adding messages", "done": 3, "total": 3, "unit": "messages"},
        {"job": "statistics", "step": "counting messages", "done": 0, "total": 3, "unit": "messages"},
    ]
