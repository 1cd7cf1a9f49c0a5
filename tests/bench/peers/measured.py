"""A segued that one client sends the same request repeatedly, other than single appends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.peers.segue import BEGINNING, appends, request, serving, turn
from tests.bench.sides import Turn
from tests.bench.texts import texts
from tests.support.process import Segued

MANY = 100
STORED = 1000
SESSION = "session-0"


class RepeatedRequest:
    """A segued with one repeated request; `prepare` creates its state and returns the request."""

    def __init__(self, name: str, prepare: Callable[[Segued], bytes], beginning: bytes = BEGINNING) -> None:
        self.name = name
        self._prepare = prepare
        self._beginning = beginning

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with serving(folder) as segued:
            yield turn(segued, [[self._prepare(segued)]] * clients, self._beginning)


def ping(segued: Segued) -> bytes:
    return request("daemon.ping")


def read(segued: Segued) -> bytes:
    """Create a session of 1000 indexed messages; return the request that lists them."""
    with segued.connect() as wire:
        wire.call("session.create", id=SESSION)
        for first in range(0, STORED, MANY):
            wire.call("message.append_many", session_id=SESSION, messages=messages(first))
        wire.call("message.search", query="a")
    return request("message.list", session_id=SESSION)


def append_many(segued: Segued) -> bytes:
    appends(segued, 1)
    return request("message.append_many", session_id=SESSION, messages=messages(0))


def batch(segued: Segued) -> bytes:
    appends(segued, 1)
    lines = [request("message.append", session_id=SESSION, **one).strip() for one in messages(0)]
    return b"[" + b",".join(lines) + b"]\n"


def messages(first: int) -> list[dict[str, Any]]:
    """Return 100 messages, alternately of the user and the assistant."""
    every = texts()
    roles = ("user", "assistant")
    return [{"role": roles[index % 2], "content": every[index % len(every)]} for index in range(first, first + MANY)]
