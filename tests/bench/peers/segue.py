"""segue itself: a segued with its defaults; every client has its own connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.load import Job, run
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn
from tests.bench.texts import distribute, texts
from tests.support.process import Segued

BEGINNING = b'{"jsonrpc":"2.0","result":'


class Segue:
    """segued over its Unix socket."""

    name = "segue"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with serving(folder) as segued:
            yield turn(segued, appends(segued, clients))


@contextmanager
def serving(folder: Path) -> Iterator[Segued]:
    """Run a segued in the folder, which may hold a database.

    Raises:
        RuntimeError: it did not exit with status 0.
    """
    segued = Segued(folder)
    segued.start()
    try:
        yield segued
    finally:
        code = segued.stop()
    if code:
        raise RuntimeError(f"segued exited {code}: {segued.log}")


def turn(segued: Segued, requests: list[list[bytes]], beginning: bytes = BEGINNING) -> Turn:
    """Return a turn in which each client sends its requests in a cycle."""

    def measure(length: Length) -> Load:
        return run(Job(str(segued.socket), requests, b"\n", beginning, pid=segued.pid, **length._asdict()))

    return measure


def appends(segued: Segued, clients: int) -> list[list[bytes]]:
    """Return each client's appends to its own session, which is created if it is missing."""
    with segued.connect() as wire:
        for client in range(clients):
            wire.post("session.create", id=f"session-{client}", working_dir=f"/work/{client}")
            wire.line()
    return [
        [request("message.append", session_id=f"session-{client}", role="user", content=text) for text in mine]
        for client, mine in enumerate(distribute(texts(), clients))
    ]


def request(method: str, **params: Any) -> bytes:
    """Return one request as a line."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + b"\n"
