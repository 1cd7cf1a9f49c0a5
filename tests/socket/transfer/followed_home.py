"""A home folder that an importer follows, what tools write there, and what is imported from it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segue.client import Client
from segue.history import discovery
from segue.history.following import Follower
from segue.history.importer import Importer
from segue.history.reader import Reader
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire


class Home:
    """A home folder with tools, and an importer that follows them."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.report: dict[str, Any] = {}
        self.reports = 0
        self.saved = 0
        self._server = server
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def follow(self, *readers: Reader) -> threading.Thread:
        """Return the thread when everything that is there was imported."""
        roots = [(reader, root) for reader in readers for root in reader.roots({}, self.folder, "linux")]

        def find() -> Iterator[discovery.Found]:
            for reader, root in roots:
                if root.exists():
                    yield discovery.Found(reader, root, list(reader.discover(root)), None)

        def run() -> None:
            with Client.connect(self._server.socket) as client:
                self.importer = Importer(client, {})
                follower = Follower(
                    self.importer,
                    lambda: [root for _, root in roots],
                    find,
                    save=self._count_saved,
                    report=self._take,
                    stop=self._stop,
                )
                follower.run()

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()
        wait_until(lambda: self.reports > 0)
        return thread

    def _take(self, report: dict[str, Any]) -> None:
        self.report = report
        self.reports += 1

    def _count_saved(self) -> None:
        self.saved += 1

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS)


def lines(*texts: str, first: int = 0) -> list[str]:
    """Return records of Claude Code, each with a text of a person."""
    records = [
        {
            "type": "user",
            "uuid": f"u{number}",
            "parentUuid": f"u{number - 1}" if number else None,
            "sessionId": "s",
            "cwd": "/srv/a",
            "timestamp": f"2026-11-28T03:00:{number:02d}.000Z",
            "message": {"role": "user", "content": text},
        }
        for number, text in enumerate(texts, first)
    ]
    return [json.dumps(record) + "\n" for record in records]


def claude_file(home: Home, name: str = "s") -> Path:
    file = home.folder / ".claude" / "projects" / "-srv-a" / f"{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def texts(wire: Wire, **filter: Any) -> list[str]:
    """Return the contents of all messages of the only session, [] without one."""
    found = wire.call("session.list", archived=None, **filter)["sessions"]
    if len(found) != 1:
        return [f"{len(found)} sessions"] if found else []
    return [one["content"] for one in wire.call("message.list", session_id=found[0]["id"])["messages"]]


def expect(wire: Wire, *expected: str) -> None:
    wait_until(lambda: texts(wire) == list(expected), what=lambda: str(texts(wire)))
